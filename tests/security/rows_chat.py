"""The rows of the chat: conversations, messages, contacts and texts, as pages and as calls."""

from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from tests.security.roles import CALLERS, CHATTERS, EVERYBODY, TAKERS, TEXTERS
from tests.security.rows import Row, on_each, row
from tests.security.world import ABSENT, CONVERSATIONS, World

KEY: Final = str(UUID(int=7))
HELLO: Final = {"client_key": KEY, "body": "hello"}
MEMBERS: Final = "member token"
# Who belongs to which conversation, now, and may call or open a page (a page knows nobody by a token).
SEATED: Final = {
    "talk": MEMBERS,
    "pair": MEMBERS,
    "late": f"{MEMBERS} owner",
    "space": f"{MEMBERS} owner",
    "news": f"{MEMBERS} owner",
    "thread": MEMBERS,
    "unclaimed": "",
    "own": "reviewer",
}
AT_PAGES: Final = {name: roles.replace("token", "").strip() for name, roles in SEATED.items()}
# In spaces the owners say who belongs, and from a direct conversation nobody is removed.
ONLY_OWNERS: Final = {name: {403: MEMBERS} for name in ("pair", "space", "news")}
CONVERSATION: Final = "api/v1/conversations/<int:conversation_id>"
CONSENT: Final = {"basis": "express", "evidence": "They said so at the desk"}
# Where every kind would say the same again.
SOME: Final = ("talk", "space", "thread", "unclaimed")
REPORTED: Final = ("talk", "late", "space", "unclaimed")
REPORT: Final = {"reason": "conduct", "comment": ""}


def seated(status: int) -> dict[str, dict[int, str]]:
    return {name: {status: roles} for name, roles in SEATED.items()}


def seated_at_pages(status: int) -> dict[str, dict[int, str]]:
    return {name: {status: roles} for name, roles in AT_PAGES.items()}


def everywhere_from_the_start(world: World, role: str) -> str:
    return urlencode({"after": ",".join(f"{world.number(name)}:0" for name in CONVERSATIONS), "limit": 500})


def person(name: str) -> Any:
    return lambda world, role: {"person": world.number(f"person_{name}")}


def people(name: str) -> Any:
    return lambda world, role: {"kind": "group", "title": "Lunch", "people": [world.number(f"person_{name}")]}


def about(name: str) -> Any:
    return lambda world, role: {"conversation": world.number(name), "body": "hello"}


def client_thread(name: str) -> Any:
    return lambda world, role: {"kind": "client", "contact": world.number(name)}


CALLS: Final[list[Row]] = [
    row("GET api/v1/me", yes={200: CALLERS}),
    row("GET api/v1/people", yes={200: CALLERS}),
    row("GET api/v1/conversations", yes={200: CALLERS}),
    row("GET api/v1/sync", query=everywhere_from_the_start, yes={200: CALLERS}),
    row(
        "POST api/v1/conversations",
        body=people("colleague"),
        absent_body={"kind": "group", "title": "Lunch", "people": [ABSENT]},
        yes={201: TEXTERS},
    ),
    # Who has left and who only reads cannot be talked to: for a chatter they are as absent as nobody.
    *[
        row(
            "POST api/v1/conversations",
            body=people(name),
            absent_body={"kind": "group", "title": "Lunch", "people": [ABSENT]},
            no={404: TEXTERS},
        )
        for name in ("gone", "examiner")
    ],
    row(
        "POST api/v1/conversations",
        body=lambda world, role: {"kind": "direct", "people": [world.number("person_colleague")]},
        yes={200: MEMBERS, 201: "stranger former owner reviewer officer second administrator"},
    ),
    row("POST api/v1/conversations", body={"kind": "team", "title": "Desk"}, yes={201: TEXTERS}),
    row(
        "POST api/v1/conversations",
        body=client_thread("contact"),
        absent_body={"kind": "client", "contact": ABSENT},
        yes={200: MEMBERS},
        no={403: "stranger former owner reviewer officer second administrator"},
    ),
    row("POST api/v1/conversations", body=client_thread("silent_contact"), yes={201: TEXTERS}),
    *on_each(f"GET {CONVERSATION}", "conversation_id", CONVERSATIONS, yes=seated(200)),
    *on_each(f"GET {CONVERSATION}/messages", "conversation_id", CONVERSATIONS, yes=seated(200)),
    *on_each(
        f"POST {CONVERSATION}/messages",
        "conversation_id",
        CONVERSATIONS,
        body=HELLO,
        yes=seated(201) | {"news": {201: "owner"}},
        no={"news": {403: MEMBERS}},
    ),
    *on_each(f"POST {CONVERSATION}/read", "conversation_id", SOME, body={"n": 2}, yes=seated(200)),
    *on_each(f"POST {CONVERSATION}/take", "conversation_id", SOME, yes={"unclaimed": {201: f"{TAKERS} token"}}),
    *on_each(
        f"POST {CONVERSATION}/members",
        "conversation_id",
        CONVERSATIONS,
        body=person("guide"),
        absent_body={"person": ABSENT},
        yes=seated(201) | {"pair": {}, "space": {201: "owner"}, "news": {201: "owner"}, "own": {}},
        no=ONLY_OWNERS | {"own": {409: "reviewer"}},
        absent_no=ONLY_OWNERS,
    ),
    # Who has left and who only reads cannot be added: as absent as nobody.
    *[
        row(
            f"POST {CONVERSATION}/members",
            args={"conversation_id": "talk"},
            body=person(name),
            absent_body={"person": ABSENT},
            no={404: MEMBERS},
        )
        for name in ("gone", "examiner")
    ],
    *on_each(
        f"DELETE {CONVERSATION}/members/<int:person_id>",
        "conversation_id",
        ("talk", "pair", "late", "space", "news"),
        args={"person_id": "person_colleague"},
        yes=seated(204) | {"pair": {}, "space": {204: "owner"}, "news": {204: "owner"}},
        no=ONLY_OWNERS,
        absent_no=ONLY_OWNERS,
    ),
    # Leaving is everybody's own; somebody who does not belong is as absent as nobody.
    row(
        f"DELETE {CONVERSATION}/members/<int:person_id>",
        args={"conversation_id": "space", "person_id": "person_member"},
        yes={204: f"{MEMBERS} owner"},
        absent_no={403: MEMBERS},
    ),
    row(
        f"DELETE {CONVERSATION}/members/<int:person_id>",
        args={"conversation_id": "talk", "person_id": "person_stranger"},
        no={404: MEMBERS},
    ),
    *[
        row(
            f"POST {CONVERSATION}/messages/<int:n>/report",
            args={"conversation_id": name, "n": f"{name}_n"},
            body=REPORT,
            # The owner of the spaces came to the group `late` after this was said.
            yes={201: SEATED[name] if name != "late" else MEMBERS},
            no={404: "owner"} if name == "late" else {},
        )
        for name in REPORTED
    ],
]

FILES: Final[list[Row]] = [
    *[
        row(
            f"GET {CONVERSATION}/messages/<int:n>/attachments/<int:place>",
            args={"conversation_id": name, "n": f"{name}_n", "place": "first_file"},
            # The owner of the spaces came to the group `late` after this was said.
            yes={200: SEATED[name] if name != "late" else MEMBERS},
            no={404: "owner"} if name == "late" else {},
        )
        for name in ("talk", "pair", "late", "space", "news", "own")
    ],
    # Without a name for the file: what is answered to one with a name is in test_files.py.
    row("POST api/v1/uploads", no={400: CALLERS}),
    row("DELETE api/v1/uploads/<str:upload_id>", args={"upload_id": "upload"}, yes={204: MEMBERS}),
]

TEXTS: Final[list[Row]] = [
    row("GET api/v1/contacts", yes={200: CALLERS}),
    row(
        "POST api/v1/contacts",
        body={"name": "New Client", "number": "+1 202 555 0166"},
        yes={201: TEXTERS},
        no={403: "examiner"},
    ),
    row(
        "POST api/v1/contacts/<int:contact_id>/consent",
        args={"contact_id": "contact"},
        body=CONSENT,
        yes={201: TEXTERS},
        no={403: "examiner"},
    ),
    row(
        "POST api/v1/contacts/<int:contact_id>/revocation",
        args={"contact_id": "contact"},
        body={"channel": "voice", "words_used": "no more"},
        yes={201: TEXTERS},
        no={403: "examiner"},
    ),
    row(
        "POST api/v1/sms/preview",
        body=about("thread"),
        absent_body={"conversation": ABSENT, "body": "hello"},
        yes={200: MEMBERS},
    ),
    row(
        "POST api/v1/sms/preview",
        body=about("talk"),
        absent_body={"conversation": ABSENT, "body": "hello"},
        no={400: MEMBERS},
    ),
]

CONTACT_FORM: Final = {"name": "New Client", "number": "+1 202 555 0166"}
PAGES: Final[list[Row]] = [
    row("GET ", yes={200: CHATTERS, 302: "examiner"}),
    row("GET c/", yes={200: CHATTERS, 302: "examiner"}),
    row("GET new/", yes={200: CHATTERS}),
    row("POST new/", body={"kind": "team", "title": "Desk"}, yes={302: CHATTERS}),
    *on_each("GET c/<int:conversation_id>/", "conversation_id", CONVERSATIONS, yes=seated_at_pages(200)),
    *on_each(
        "POST c/<int:conversation_id>/post/",
        "conversation_id",
        (*SOME, "news"),
        body=HELLO,
        yes=seated_at_pages(302) | {"news": {302: "owner"}},
        no={"news": {302: "member"}},
    ),
    *on_each("POST c/<int:conversation_id>/take/", "conversation_id", SOME, yes={"unclaimed": {302: TAKERS}}),
    *[
        row(
            f"{method} c/<int:conversation_id>/messages/<int:n>/report/",
            args={"conversation_id": name, "n": f"{name}_n"},
            body=REPORT,
            yes={status: AT_PAGES[name] if name != "late" else "member"},
            no={404: "owner"} if name == "late" else {},
        )
        for method, status in (("GET", 200), ("POST", 302))
        for name in REPORTED
    ],
    row("GET contacts/", yes={200: CHATTERS}),
    row("POST contacts/", body=CONTACT_FORM, yes={302: CHATTERS}),
    *on_each(
        "GET contacts/<int:contact_id>/",
        "contact_id",
        ("contact", "silent_contact", "unknown_contact"),
        yes={name: {200: CHATTERS} for name in ("contact", "silent_contact", "unknown_contact")},
    ),
    row("POST contacts/<int:contact_id>/", args={"contact_id": "contact"}, body=CONSENT, yes={302: CHATTERS}),
    row(
        "POST contacts/<int:contact_id>/opt-out/",
        args={"contact_id": "contact"},
        body={"channel": "voice", "words_used": "no more"},
        yes={302: CHATTERS},
    ),
]

# The phone simulator is a phone that lies on the table: whoever reaches it reads its texts (messenger/web/phone.py).
ON_THE_PHONE: Final = ("contact_name", "text_words", "thread_body", "unclaimed_words")
PHONES: Final[list[Row]] = [
    row("GET phone/", yes={200: EVERYBODY}, shows=ON_THE_PHONE),
    *[
        row(
            f"GET phone/<int:contact_id>/{page}",
            args={"contact_id": "contact"},
            yes={200: EVERYBODY},
            shows=ON_THE_PHONE,
        )
        for page in ("", "texts/")
    ],
    row(
        "POST phone/<int:contact_id>/answer/",
        args={"contact_id": "contact"},
        body={"key": KEY, "body": "hello"},
        yes={302: EVERYBODY},
    ),
]
