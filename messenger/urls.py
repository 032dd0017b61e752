"""All addresses. The phone simulator's page exists in embedded mode only."""

from django.conf import settings
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from messenger.web import api_docs, contacts_pages, errors, health, pages

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("", include("admin_portal.urls_metrics")),
    path("", pages.home, name="home"),
    path("c/", pages.home),
    path("c/<int:conversation_id>/", pages.conversation, name="conversation"),
    path("c/<int:conversation_id>/post/", pages.post, name="post"),
    path("c/<int:conversation_id>/take/", contacts_pages.take, name="take"),
    path("c/<int:conversation_id>/messages/<int:n>/report/", pages.report, name="report"),
    path("new/", pages.new_conversation, name="new"),
    path("contacts/", contacts_pages.contacts, name="contacts"),
    path("contacts/<int:contact_id>/", contacts_pages.contact, name="contact"),
    path("contacts/<int:contact_id>/opt-out/", contacts_pages.opt_out, name="opt_out"),
    path("", include("messenger.web.urls_people")),
    path("portal/", include("admin_portal.urls")),
    path("api/v1/", include("messenger.web.urls_api")),
    path("api/v1/", include("admin_portal.urls_api")),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/docs/", api_docs.docs, name="docs"),
]

if settings.ONRECORD_EMBEDDED and settings.ONRECORD_CARRIER == "simulator":
    urlpatterns.append(path("phone/", include("messenger.web.urls_phone")))

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler429 = errors.too_many  # for allauth: too many attempts to sign in
handler500 = errors.failed
