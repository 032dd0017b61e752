"""The addresses of the API under /api/v1/. A route here needs its row in the permission tests."""

from django.urls import path

from messenger.web import api, api_contacts, files

urlpatterns = [
    path("me", api.MeView.as_view()),
    path("people", api.PeopleView.as_view()),
    path("conversations", api.ConversationsView.as_view()),
    path("conversations/<int:conversation_id>", api.ConversationView.as_view()),
    path("conversations/<int:conversation_id>/messages", api.MessagesView.as_view()),
    path("conversations/<int:conversation_id>/messages/<int:n>/report", api.ReportView.as_view()),
    path("conversations/<int:conversation_id>/read", api.ReadView.as_view()),
    path("conversations/<int:conversation_id>/take", api.TakeView.as_view()),
    path("conversations/<int:conversation_id>/members", api.MembersView.as_view()),
    path("conversations/<int:conversation_id>/members/<int:person_id>", api.MemberView.as_view()),
    path(
        "conversations/<int:conversation_id>/messages/<int:n>/attachments/<int:place>",
        files.FileView.as_view(),
        name="file",
    ),
    path("uploads", files.UploadsView.as_view()),
    path("uploads/<str:upload_id>", files.UploadView.as_view()),
    path("sync", api.SyncView.as_view()),
    path("contacts", api_contacts.ContactsView.as_view()),
    path("contacts/<int:contact_id>/consent", api_contacts.ConsentView.as_view()),
    path("contacts/<int:contact_id>/revocation", api_contacts.RevocationView.as_view()),
    path("sms/preview", api_contacts.PreviewView.as_view()),
    path("tokens", api_contacts.TokensView.as_view()),
    path("tokens/<int:token_id>", api_contacts.TokenView.as_view()),
]
