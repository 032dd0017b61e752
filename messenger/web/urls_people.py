"""Addresses of the first run, sign-in, people and settings; included at the root.

Of allauth's pages only those that we use: no sign-up and no management of e-mail addresses.
"""

from allauth.account import views as account
from django.urls import path, re_path

from messenger.web import first_run, people_pages, settings_pages

urlpatterns = [
    path("welcome/", first_run.welcome, name="welcome"),
    path("welcome/<str:token>/", first_run.found, name="first_run"),
    path("invitation/<str:secret>/", people_pages.invitation, name="invitation"),
    path("accounts/login/", account.login, name="account_login"),
    path("accounts/logout/", account.logout, name="account_logout"),
    path("accounts/password/change/", account.password_change, name="account_change_password"),
    path("accounts/password/reset/", account.password_reset, name="account_reset_password"),
    path("accounts/password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "accounts/password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("settings/", settings_pages.settings_page, name="settings"),
    path("settings/sessions/<int:session_id>/end/", settings_pages.end_session, name="end_session"),
    path("settings/sessions/end-others/", settings_pages.end_other_sessions, name="end_other_sessions"),
    path("settings/tokens/", settings_pages.create_token, name="create_token"),
    path("settings/tokens/<int:token_id>/revoke/", settings_pages.revoke_token, name="revoke_token"),
    path("people/", people_pages.people, name="people"),
    path("people/invite/", people_pages.invite, name="invite"),
    path("people/<int:person_id>/", people_pages.person, name="person"),
    path("people/<int:person_id>/deactivate/", people_pages.deactivate, name="deactivate"),
    path("people/<int:person_id>/reactivate/", people_pages.reactivate, name="reactivate"),
    path("people/<int:person_id>/roles/", people_pages.request_role, name="request_role"),
    path("people/<int:person_id>/roles/<str:role>/end/", people_pages.end_role, name="end_role"),
    path("people/requests/<int:request_id>/grant/", people_pages.grant_role, name="grant_role"),
    path("people/requests/<int:request_id>/refuse/", people_pages.refuse_role, name="refuse_role"),
]
