"""A small living office for `make demo`, built only by real actions: every line of it is in the signed record.

Must not write a row by itself, and never runs where a firm exists already or in production.
"""

import uuid
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from admin_portal.exports import request_export
from admin_portal.scopes import make_scope
from archive import ledger
from messenger.conversations import actions, moderation, opening, texts
from messenger.conversations.models import Conversation, Message
from messenger.people import actions as people
from messenger.people import roles
from messenger.people.models import Contact, Person
from messenger.policy.actions import add_rule
from messenger.sms import consent

FIRM = "Harbor & Finch Advisors"
PASSWORD = "on-the-record-2026"  # noqa: S105  # printed for everybody who starts the demo: nothing here is secret
DOMAIN = "harborfinch.example"

STAFF = {
    "alice": "Alice Moreau",
    "bob": "Bob Okafor",
    "charlie": "Charlie Lindqvist",
    "dana": "Dana Petrov",
    "henry": "Henry Walsh",
    "ines": "Inés Carvalho",
    "mona": "Mona Haddad",
    "carl": "Carl Brandt",
}
CLIENT_NAME, CLIENT_NUMBER = "Walter Brook", "+1 212 555 0142"


@dataclass(frozen=True)
class Office:
    """The people by first name, and the client."""

    people: dict[str, Person]
    client: Contact


def email_of(name: str) -> str:
    return f"{name}@{DOMAIN}"


@ledger.transaction()
def build_office() -> Office:
    """Found the firm, hire everybody, let them talk; return who is there. Stopped half-way, nothing of it exists."""
    everybody = _hire_everybody()
    client = people.add_contact(everybody["alice"], name=CLIENT_NAME, number=CLIENT_NUMBER)
    add_rule("Promise of return", by=everybody["cora"], pattern="guaranteed return", effect="flag", at=timezone.now())
    add_rule("Off the record", by=everybody["cora"], pattern="text me on whatsapp", effect="refuse", at=timezone.now())
    office = Office(people=everybody, client=client)
    _talk_in_spaces(office)
    _talk_in_private(office)
    _text_with_client(office)
    return office


def _hire_everybody() -> dict[str, Person]:
    adam, cora = people.found_firm(
        FIRM,
        admin_name="Adam Reyes",
        admin_email=email_of("adam"),
        admin_password=PASSWORD,
        officer_name="Cora Whitfield",
        officer_email=email_of("cora"),
        officer_password=PASSWORD,
    )
    everybody = {"adam": adam, "cora": cora}
    for name, full_name in STAFF.items():
        everybody[name] = _hire(adam, name, full_name)
    everybody["erin"] = _hire(adam, "erin", "Erin Sato", is_examiner=True)
    for name, role in (("mona", roles.REVIEWER), ("carl", roles.OFFICER), ("erin", roles.EXAMINER)):
        request = people.request_role(adam, person=everybody[name], role=role, reason="Named by the board")
        people.grant_role(cora, request=request)
    return {name: Person.objects.get(pk=person.pk) for name, person in everybody.items()}


def _hire(by: Person, name: str, full_name: str, *, is_examiner: bool = False) -> Person:
    _, secret = people.invite(by, email=email_of(name), name=full_name, is_examiner=is_examiner)
    return people.accept_invitation(secret, password=PASSWORD)


def _ids(office: Office, *names: str) -> list[int]:
    return [office.people[name].pk for name in names]


def _say(office: Office, conversation: Conversation, *lines: tuple[str, str]) -> list[Message]:
    said = []
    for name, body in lines:
        outcome = actions.post_message(
            office.people[name], conversation_id=conversation.pk, client_key=uuid.uuid4(), body=body
        )
        if isinstance(outcome, actions.Posted):
            said.append(outcome.message)
    return said


def _talk_in_spaces(office: Office) -> None:
    henry = office.people["henry"]
    news = opening.open_space(
        henry,
        kind="broadcast",
        title="Firm news",
        others=_ids(office, "alice", "bob", "charlie", "dana", "ines", "mona", "carl", "cora", "adam"),
        purpose="From the partners, to everybody",
    )
    _say(
        office,
        news,
        ("henry", "**Welcome to OnRecord.** From today we talk here, and we text clients from here. Nothing else."),
        ("henry", "Every message is in the firm's signed record before anybody sees it. Questions go to Cora or Mona."),
    )
    desk = opening.open_space(
        office.people["alice"],
        kind="team",
        title="Research desk",
        others=_ids(office, "bob", "ines", "henry"),
        purpose="Notes, drafts and the morning call",
    )
    _say(
        office,
        desk,
        ("ines", "Morning call at 9:15. Agenda:\n\n1. Port fees\n2. The Lindgren note\n3. Who covers Friday"),
        ("bob", "I will have the Lindgren draft by 11. @Alice can you look at the freight table?"),
        ("alice", "Sure. Two numbers in it look stale, `Q2` still has the old index."),
        ("bob", "Good catch, fixed."),
    )


def _talk_in_private(office: Office) -> None:
    alice, dana = office.people["alice"], office.people["dana"]
    direct = opening.open_direct(alice, others=_ids(office, "bob")).conversation
    _say(
        office,
        direct,
        ("bob", "Are you taking the Brook call at three?"),
        ("alice", "Yes. He wants to go through the fee schedule again."),
        ("bob", "I can join for the first ten minutes."),
    )
    group = opening.open_group(dana, title="Autumn roadshow", others=_ids(office, "charlie", "henry", "alice"))
    said = _say(
        office,
        group,
        ("dana", "Venue is confirmed for the 4th. Charlie has the list."),
        ("charlie", "Forty-two so far. Tell them it is a guaranteed return of nine percent and it will be sixty."),
        ("henry", "Please do not write things like that, not even as a joke."),
    )
    moderation.report_message(
        office.people["henry"],
        conversation_id=group.pk,
        n=said[1].n,
        reason="advice",
        comment="A promise of return, even if it was meant as a joke.",
    )
    request_export(
        office.people["cora"],
        purpose="Quarterly sample for the branch examination",
        scope=make_scope([group.pk]),
        client_key=uuid.uuid4(),
    )


def _text_with_client(office: Office) -> None:
    alice = office.people["alice"]
    consent.grant(
        office.client,
        by=alice,
        basis="express",
        message_class="conversational",
        evidence={"words": "Asked by phone to be texted about appointments.", "attested_by": alice.name},
        at=timezone.now(),
    )
    thread = opening.open_client_thread(alice, contact=office.client, others=_ids(office, "bob")).conversation
    _say(office, thread, ("alice", "Good afternoon Mr Brook, shall we keep three o'clock for the fee schedule?"))
    texts.send_due()
    texts.read_reports()
    texts.receive_text(
        carrier=settings.ONRECORD_CARRIER,
        carrier_id=f"demo-{uuid.uuid4()}",
        number=office.client.number,
        to=settings.ONRECORD_SMS_SENDER,
        body="Three is fine. Please send the paper beforehand.",
    )
