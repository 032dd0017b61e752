"""The world that the permission tests knock at: every kind of object, made by real actions, with planted words.

`numbers` names what stands in addresses: the objects by the names that the rows of the matrix use.
"""

from dataclasses import dataclass, field
from io import BytesIO
from uuid import uuid4

from django.test import Client
from django.utils import timezone

from admin_portal.checks import request_check
from admin_portal.download import download_token
from admin_portal.exports import approve_export, request_export
from admin_portal.making import EXPORTS, make_due_exports
from admin_portal.models import Alarm, ExportRequest
from admin_portal.scopes import ExportScope
from archive import ledger
from messenger.conversations import actions, attachments, membership, opening, texts
from messenger.conversations.models import Conversation, Message
from messenger.conversations.moderation import report_message
from messenger.people import actions as people
from messenger.people.models import Person, SignInSession, digest_of
from tests.cast import PASSWORD, Cast, build_cast, hire, sign_in
from tests.security.canaries import CANARIES
from tests.security.knocking import Knocker

ABSENT = 999_999_999
PURPOSE = "Complaint 2026-14 of a client"
CONVERSATIONS = ("talk", "pair", "late", "space", "news", "thread", "unclaimed", "own")
WORD = {name: canary.word for name, canary in CANARIES.items()}


@dataclass
class World:
    """Everybody by role, and every object by name."""

    people: dict[str, Person]
    numbers: dict[str, int | str] = field(default_factory=dict)
    knockers: dict[str, Knocker] = field(default_factory=dict)

    def number(self, name: str) -> int | str:
        return ABSENT if name == "absent" else self.numbers[name]

    def link_token(self, export: str, *, role: str) -> str:
        """Return the token with which this role's session downloads the export, if it is theirs."""
        row = ExportRequest.objects.get(pk=self.numbers[export])
        return download_token(row, session=self.knockers[role].session_key)


def build_world() -> World:
    """Build everything; about a second."""
    world = World(people=_people(build_cast()))
    _talk(world)
    _text(world)
    _begin_sessions(world)
    _make_requests(world)
    _end_what_ended(world)
    return world


def say(person: Person, conversation: Conversation, body: str) -> Message:
    """Say it, and outside of texts to phones attach it as a file too: the words stand in both."""
    is_text = conversation.kind == Conversation.CLIENT
    files = [] if is_text else [attachments.take_in(person, BytesIO(body.encode()), name="sheet.txt").pk]
    posted = actions.post_message(
        person, conversation_id=conversation.pk, client_key=uuid4(), body=body, attachments=files
    )
    assert isinstance(posted, actions.Posted)
    return posted.message


def _people(cast: Cast) -> dict[str, Person]:
    """Everybody by role. `colleague` and `gone` do not knock: they are what is asked about."""
    return {
        "member": cast.alice,
        "stranger": cast.charlie,
        "former": cast.dana,
        "owner": cast.bob,
        "reviewer": cast.mona,
        "officer": cast.carl,
        "second": cast.cora,
        "examiner": cast.erin,
        "administrator": cast.adam,
        "deactivated": hire("gus", by=cast.adam),
        "colleague": hire("eve", by=cast.adam),
        "gone": hire("hal", by=cast.adam),
        "guide": hire("ida", by=cast.adam),
    }


def _talk(world: World) -> None:
    who = world.people
    alice, eve, bob = who["member"], who["colleague"], who["owner"]
    inner = [eve.pk, who["former"].pk, who["deactivated"].pk]
    talk = opening.open_group(alice, title=WORD["talk_title"], others=inner)
    pair = opening.open_direct(alice, others=[eve.pk]).conversation
    late = opening.open_group(alice, title=WORD["late_title"], others=inner)
    space = opening.open_space(bob, kind="team", title=WORD["space_title"], others=[alice.pk, *inner])
    news = opening.open_space(bob, kind="broadcast", title=WORD["news_title"], others=[alice.pk, *inner])
    own = opening.open_group(who["reviewer"], title=WORD["own_title"], others=[who["guide"].pk])
    _keep(world, talk, say(alice, talk, f"About {WORD['talk_body']}"), "talk")
    _keep(world, pair, say(eve, pair, f"Between us: {WORD['pair_body']}"), "pair")
    _keep(world, late, say(alice, late, f"Before bob came: {WORD['late_body']}"), "late")
    _keep(world, space, say(alice, space, f"Our {WORD['space_body']}"), "space")
    _keep(world, news, say(bob, news, f"For all: {WORD['news_body']}"), "news")
    _keep(world, own, say(who["guide"], own, f"With the reviewer: {WORD['own_body']}"), "own")
    membership.add_member(alice, conversation_id=late.pk, person_id=bob.pk)
    world.numbers |= {
        "first_file": 0,
        "upload": str(attachments.take_in(alice, BytesIO(WORD["talk_body"].encode()), name="waiting.txt").pk),
    }
    for left, by in ((talk, alice), (late, alice), (space, bob), (news, bob)):
        membership.remove_member(by, conversation_id=left.pk, person_id=who["former"].pk)


def _keep(world: World, conversation: Conversation, message: Message, name: str) -> None:
    world.numbers |= {name: conversation.pk, f"{name}_n": message.n, f"{name}_seq": message.seq}


def _text(world: World) -> None:
    """A client with a thread of the member's, and a stranger's text that nobody has taken."""
    alice, former = world.people["member"], world.people["former"]
    contact = people.add_contact(alice, name=f"{WORD['contact_name']} Client", number="+1 202 555 0188")
    thread = opening.open_client_thread(alice, contact=contact, others=[former.pk]).conversation
    _receive(contact.number, f"Is it {WORD['text_words']}?")
    _keep(world, thread, say(alice, thread, f"It is {WORD['thread_body']}"), "thread")
    membership.remove_member(alice, conversation_id=thread.pk, person_id=former.pk)
    _receive("+12025550199", f"Hello, about {WORD['unclaimed_words']}")
    first = Message.objects.get(body__contains=WORD["unclaimed_words"])
    _keep(world, first.conversation, first, "unclaimed")
    silent = people.add_contact(alice, name="Quiet Client", number="+1 202 555 0177")
    world.numbers |= {"contact": contact.pk, "silent_contact": silent.pk, "unknown_contact": first.contact_id or 0}


def _receive(number: str, body: str) -> None:
    texts.receive_text(carrier="simulator", carrier_id=f"phone-{uuid4().hex}", number=number, to="+1", body=body)


def _begin_sessions(world: World) -> None:
    """Sign everybody in by the sign-in page; officers and the examiner say why they look."""
    alice = world.people["member"]
    world.knockers["anonymous"] = Knocker("anonymous")
    for role in ("stranger", "former", "owner", "reviewer", "administrator", "deactivated", "member"):
        world.knockers[role] = _knocker(role, sign_in(world.people[role]))
    for role in ("officer", "second", "examiner"):
        client = sign_in(world.people[role])
        client.post("/portal/purpose/", {"text": PURPOSE, "case_reference": "C-7"})
        world.knockers[role] = _knocker(role, client)
    client = _officer_who_searched(world)
    world.knockers["officer"] = _knocker("officer", client)
    world.knockers["ended"] = _knocker("ended", sign_in(alice))
    world.numbers["other_session"] = _session_of(sign_in(alice)).pk
    for role, name in (("token", WORD["token_name"]), ("revoked", "the old one")):
        token, secret = people.create_token(alice, name=name)
        headers = {"Authorization": f"Bearer {secret}"}
        world.knockers[role] = Knocker(role, headers=headers, session_key=f"token:{token.digest}")
        world.numbers[f"{role}_row"] = token.pk
    world.numbers["spare_token"] = people.create_token(alice, name="a spare one")[0].pk


def _officer_who_searched(world: World) -> Client:
    """The officer's own searches stand in their session: nobody else may be shown them."""
    client = sign_in(world.people["officer"])
    client.post("/portal/purpose/", {"text": PURPOSE, "case_reference": "C-7"})
    kept = client.post("/portal/search/", {"words": f"{WORD['talk_body']} OR {WORD['searched_words']}"})
    world.numbers["kept_search"] = kept["Location"].partition("?s=")[2]
    return client


def _knocker(role: str, client: Client) -> Knocker:
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    address = str(client.defaults["REMOTE_ADDR"])
    return Knocker(role, address=address, cookies=cookies, session_key=client.session.session_key or "")


def _session_of(client: Client) -> SignInSession:
    return SignInSession.objects.get(key_digest=digest_of(str(client.session.session_key)))


def _make_requests(world: World) -> None:
    """What waits for a decision: reports, exports, a role, an invitation, a check of the record."""
    who, numbers = world.people, world.numbers
    told = report_message(
        who["colleague"],
        conversation_id=int(numbers["talk"]),
        n=int(numbers["talk_n"]),
        reason="advice",
        comment=WORD["report_comment"],
    )
    # On words in the reviewer's own conversation: they may not judge it.
    near = report_message(
        who["guide"], conversation_id=int(numbers["own"]), n=int(numbers["own_n"]), reason="conduct", comment=""
    )
    numbers |= {"parked_kind": EXPORTS.name, "parked_key": str(_park_an_export(world))}
    asked = [_ask_for_export(world) for _ in range(3)]
    for export in asked[1:]:
        approve_export(who["second"], export_id=export.pk)
    make_due_exports()
    role = people.request_role(
        who["administrator"], person=who["colleague"], role="reviewer", reason=WORD["role_reason"]
    )
    _, secret = people.invite(who["administrator"], email="new@firm.example", name=WORD["invited_name"])
    _, used = people.invite(who["administrator"], email="jo@firm.example", name="Jo")
    people.accept_invitation(used, password=PASSWORD)
    numbers["used_invitation"] = used
    numbers |= {"report": told.pk, "near_report": near.pk, "role_request": role.pk, "invitation": secret}
    numbers |= {"export": asked[0].pk, "package": asked[1].pk, "api_package": asked[2].pk}
    told_at = timezone.now()
    alarm = Alarm.objects.create(
        kind="late", first_seen_at=told_at, raised_at=told_at, problems=["Nothing was checked."]
    )
    numbers |= {"alarm": alarm.pk}
    numbers |= {"check": request_check(who["second"]).pk, "not_a_message": 0}
    numbers |= {f"person_{name}": person.pk for name, person in who.items()}


def _park_an_export(world: World) -> int:
    export = approve_export(world.people["second"], export_id=_ask_for_export(world).pk)
    claimed = EXPORTS.claim(at=timezone.now())
    assert claimed == export
    with ledger.transaction():
        EXPORTS.park(claimed, failure="OSError", at=timezone.now())
    return export.pk


def _ask_for_export(world: World) -> ExportRequest:
    scope = ExportScope(conversations=(int(world.numbers["talk"]),))
    purpose = f"{WORD['export_purpose']} {PURPOSE}"
    return request_export(world.people["officer"], purpose=purpose, scope=scope, client_key=uuid4())


def _end_what_ended(world: World) -> None:
    """Take away what `deactivated`, `ended`, `revoked` and `gone` had, after they had it."""
    adam, alice = world.people["administrator"], world.people["member"]
    for role in ("deactivated", "gone"):
        people.deactivate(adam, person=world.people[role], reason="has left")
    session = SignInSession.objects.get(key_digest=digest_of(world.knockers["ended"].session_key))
    people.end_session(session, reason="ended elsewhere")
    people.revoke_token(alice, token=alice.api_tokens.get(pk=world.numbers["revoked_row"]))
