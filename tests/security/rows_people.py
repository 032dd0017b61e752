"""The rows of people: first run, invitations, sign-in, settings, tokens, roles, and what is there for everybody."""

from typing import Final

from tests.cast import PASSWORD, email_of
from tests.security.roles import CALLERS, EVERYBODY, OFFICERS, PAGELESS, SIGNED_IN
from tests.security.rows import Row, row
from tests.security.world import World

BOSS: Final = "administrator"
NOT_SIGNED_IN: Final = " ".join(sorted(PAGELESS))
NEW_PASSWORD: Final = "slow-meadow-compass-77"
REASON: Final = {"reason": "The work needs it"}
# The secret of an invitation is the right to see whom it is for.
INVITED: Final = ("invited_name",)

# Who knocks without a session knocks from this machine, where the numbers for monitoring may be read.
HERE: Final = "token anonymous revoked"
ELSEWHERE: Final = " ".join(role for role in EVERYBODY.split() if role not in HERE.split())

FOR_EVERYBODY: Final[list[Row]] = [
    row("GET healthz", yes={200: EVERYBODY}),
    row("GET readyz", yes={200: EVERYBODY}),
    row("GET metrics", yes={200: HERE}, no={404: ELSEWHERE}),
    row("GET api/v1/schema/", yes={200: CALLERS}),
    row("GET api/v1/docs/", yes={200: SIGNED_IN}),
    row("GET welcome/", yes={302: EVERYBODY}),
    # The firm is founded: nobody founds it again, whatever they hold.
    row("GET welcome/<str:token>/", args={"token": "invitation"}, no={404: EVERYBODY}),
    row("POST welcome/<str:token>/", args={"token": "invitation"}, body={"name": "Ours now"}, no={404: EVERYBODY}),
    row("GET invitation/<str:secret>/", args={"secret": "invitation"}, yes={200: EVERYBODY}, shows=INVITED),
    row(
        "POST invitation/<str:secret>/",
        args={"secret": "invitation"},
        body={"password": NEW_PASSWORD, "again": NEW_PASSWORD},
        yes={302: EVERYBODY},
    ),
    row("GET invitation/<str:secret>/", args={"secret": "used_invitation"}, no={404: EVERYBODY}),
    row(
        "POST invitation/<str:secret>/",
        args={"secret": "used_invitation"},
        body={"password": NEW_PASSWORD, "again": NEW_PASSWORD},
        no={404: EVERYBODY},
    ),
]


def own_address(world: World, role: str) -> dict[str, str]:
    """An address for each role: how often one may be asked for is limited."""
    return {"email": f"{role}@firm.example"}


KEY_PAGE: Final = r"^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$"
WRONG_KEY: Final = "accounts/password/reset/key/1-c0ffee-0123456789abcdef/"
ACCOUNTS: Final[list[Row]] = [
    row("GET accounts/login/", yes={200: NOT_SIGNED_IN, 302: SIGNED_IN}),
    row(
        "POST accounts/login/",
        body={"login": email_of("gus"), "password": PASSWORD},  # deactivated: the right password opens nothing
        yes={200: NOT_SIGNED_IN, 302: SIGNED_IN},
    ),
    row("GET accounts/logout/", yes={200: SIGNED_IN, 302: NOT_SIGNED_IN}),
    row("POST accounts/logout/", yes={302: EVERYBODY}),
    row("GET accounts/password/change/", yes={200: SIGNED_IN}),
    row(
        "POST accounts/password/change/",
        body={"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
        yes={302: SIGNED_IN},
    ),
    row("GET accounts/password/reset/", yes={200: EVERYBODY}),
    row("POST accounts/password/reset/", body=own_address, yes={302: EVERYBODY}),
    row("GET accounts/password/reset/done/", yes={200: EVERYBODY}),
    row(f"GET {KEY_PAGE}", pattern=WRONG_KEY, yes={200: EVERYBODY}),
    row(
        f"POST {KEY_PAGE}",
        pattern=WRONG_KEY,
        body={"password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
        no={200: EVERYBODY},
    ),
    row("GET accounts/password/reset/key/done/", yes={200: EVERYBODY}),
]

SETTINGS: Final[list[Row]] = [
    row("GET settings/", yes={200: SIGNED_IN}),
    row("POST settings/sessions/<int:session_id>/end/", args={"session_id": "other_session"}, yes={302: "member"}),
    row("POST settings/sessions/end-others/", yes={302: SIGNED_IN}),
    row("POST settings/tokens/", body={"name": "calendar"}, yes={200: SIGNED_IN}),
    row("POST settings/tokens/<int:token_id>/revoke/", args={"token_id": "spare_token"}, yes={302: "member"}),
    # A token that was revoked is as absent as one that never was.
    row("POST settings/tokens/<int:token_id>/revoke/", args={"token_id": "revoked_row"}, no={404: "member"}),
    row("GET api/v1/tokens", yes={200: CALLERS}),
    row("POST api/v1/tokens", body={"name": "calendar"}, yes={201: CALLERS}),
    row("DELETE api/v1/tokens/<int:token_id>", args={"token_id": "spare_token"}, yes={204: "member token"}),
    row("DELETE api/v1/tokens/<int:token_id>", args={"token_id": "revoked_row"}, no={404: "member token"}),
]

STRANGER: Final = {"person_id": "person_stranger"}
REQUEST: Final = {"request_id": "role_request"}
ROLE_FORM: Final = {"role": "officer", "reason": "The work needs it"}
PEOPLE: Final[list[Row]] = [
    row("GET people/", yes={200: f"{BOSS} {OFFICERS}"}),
    # An officer sees this page for the requests on it; the form that is not on it is answered by the page alone.
    row(
        "POST people/invite/",
        body={"name": "New One", "email": "one@firm.example"},
        yes={200: BOSS},
        no={200: OFFICERS},
    ),
    row("GET people/<int:person_id>/", args=STRANGER, yes={200: BOSS}),
    row("POST people/<int:person_id>/deactivate/", args=STRANGER, body=REASON, yes={302: BOSS}),
    row(
        "POST people/<int:person_id>/deactivate/",
        args={"person_id": "person_administrator"},
        body=REASON,
        no={200: BOSS},
    ),
    row("POST people/<int:person_id>/reactivate/", args={"person_id": "person_gone"}, body=REASON, yes={302: BOSS}),
    row("POST people/<int:person_id>/roles/", args=STRANGER, body=ROLE_FORM, yes={302: BOSS}),
    # The administrator asks for a role of their own, and is told that readers of content are never administrators.
    row(
        "POST people/<int:person_id>/roles/",
        args={"person_id": "person_administrator"},
        body=ROLE_FORM,
        no={200: BOSS},
    ),
    row(
        "POST people/<int:person_id>/roles/<str:role>/end/",
        args={"person_id": "person_reviewer"},
        pattern="people/<int:person_id>/roles/reviewer/end/",
        body=REASON,
        yes={302: BOSS},
    ),
    # Asked for by the administrator: two people, so an officer decides.
    row("POST people/requests/<int:request_id>/grant/", args=REQUEST, yes={302: OFFICERS}, no={302: BOSS}),
    row("POST people/requests/<int:request_id>/refuse/", args=REQUEST, yes={302: OFFICERS}, no={302: BOSS}),
]

ROWS: Final = [*FOR_EVERYBODY, *ACCOUNTS, *SETTINGS, *PEOPLE]
