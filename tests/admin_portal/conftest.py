"""A small office whose people have talked, for the tests of the desk."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from django.test import override_settings

from archive import ledger
from archive.models import RecordKey
from messenger.conversations import actions, opening
from messenger.conversations.models import Conversation, Message, MessageReport
from messenger.conversations.moderation import report_message
from messenger.people.models import Person
from tests.built_once import built_once
from tests.cast import Cast
from tests.invariants import all_entries

PURPOSE = "Complaint 2026-14 of a client"


@dataclass(frozen=True)
class Office:
    """alice and bob talk in private; charlie is in none of it, and neither are mona, carl, cora, erin and adam."""

    cast: Cast
    talk: Conversation
    messages: tuple[Message, ...]


def say(person: Person, conversation: Conversation, body: str) -> Message:
    posted = actions.post_message(person, conversation_id=conversation.pk, client_key=uuid4(), body=body)
    assert isinstance(posted, actions.Posted)
    return posted.message


def looks_of(person: Person, kind: str) -> list[ledger.Opened]:
    """Return the entries of one kind in a person's own stream."""
    return [entry for entry in all_entries(f"person:{person.pk}") if entry.kind == kind]


def record_size() -> int:
    return ledger.latest_checkpoint().size


@pytest.fixture(autouse=True)
def export_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give each test a folder of its own for packages."""
    with override_settings(ONRECORD_EXPORT_DIR=tmp_path_factory.mktemp("exports")):
        yield


def talk_of_six(cast: Cast) -> tuple[Conversation, tuple[Message, ...]]:
    talk = opening.open_direct(cast.alice, others=[cast.bob.pk]).conversation
    lines = (
        (cast.alice, "Morning, the Meridian file is with me."),
        (cast.bob, "Good. Their lawyer called twice."),
        (cast.alice, "I can guarantee a return of nine percent on Meridian."),
        (cast.bob, "Please do not put that in writing."),
        (cast.alice, "Lunch?"),
        (cast.bob, "At noon."),
    )
    return talk, tuple(say(who, talk, body) for who, body in lines)


@pytest.fixture
def office(cast: Cast) -> Office:
    talk, messages = built_once(talk_of_six, cast)
    return Office(cast=cast, talk=talk, messages=messages)


@pytest.fixture
def report(office: Office) -> MessageReport:
    """bob reports alice's promise."""
    return report_message(
        office.cast.bob, conversation_id=office.talk.pk, n=office.messages[2].n, reason="advice", comment="A promise."
    )


@pytest.fixture
def lost_key(office: Office) -> int:
    """The key of the first message is destroyed; return the number of its entry."""
    seq = office.messages[0].seq
    RecordKey.objects.filter(seq=seq).delete()
    return seq
