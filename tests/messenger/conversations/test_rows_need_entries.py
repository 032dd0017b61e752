"""PostgreSQL refuses a message or an event without its entry, at the commit and not before."""
# ruff: noqa: S608 (statements are made of names that stand in this file)

import pytest
from django.db import IntegrityError, connection, transaction

from messenger.conversations.models import Message, StreamEvent
from tests.cast import Cast, build_cast
from tests.messenger.conversations.office import direct, forged, say

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.backend("postgres")]
REFUSED = "the record has no entry"


@pytest.fixture
def cast() -> Cast:
    return build_cast()


@pytest.fixture
def message(cast: Cast) -> Message:
    return say(cast.alice, direct(cast.alice, cast.bob), "said and recorded")


def run(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def insert(message: Message, *, n: int, seq: int) -> None:
    Message.objects.bulk_create([forged(message, n=n, seq=seq)])


@pytest.mark.parametrize("role", ["origin", "replica"])
def test_a_message_without_an_entry_is_refused_at_the_commit(message: Message, role: str) -> None:
    passed = []

    def attempt() -> None:
        with transaction.atomic():
            run(f"SET LOCAL session_replication_role = {role}")
            insert(message, n=90, seq=5000)
            passed.append(role)

    with pytest.raises(IntegrityError, match=REFUSED):
        attempt()
    assert passed, "the constraint must wait for the commit"
    assert Message.objects.count() == 1


def test_a_message_cannot_take_the_entry_of_something_else(cast: Cast, message: Message) -> None:
    elsewhere = direct(cast.alice, cast.charlie)
    changes = (
        ("n = n + 1", message.pk),
        ("seq = 0", message.pk),
        (f"conversation_id = {elsewhere.pk}", message.pk),
    )
    for change, number in changes:
        with pytest.raises(IntegrityError, match=REFUSED), transaction.atomic():
            run(f"UPDATE messenger_message SET {change} WHERE id = %s", number)


def test_an_event_without_an_entry_is_refused(message: Message) -> None:
    event = StreamEvent.objects.get(seq=message.seq)
    with pytest.raises(IntegrityError, match=REFUSED), transaction.atomic():
        StreamEvent.objects.create(
            conversation=event.conversation, n=event.n + 1, seq=event.seq + 1000, kind=event.kind, at=event.at
        )


def test_a_temporary_table_does_not_stand_in_for_the_record(message: Message) -> None:
    run("CREATE TEMPORARY TABLE archive_entry AS SELECT 5000 AS seq, 90 AS n, stream_id FROM archive_entry LIMIT 0")
    run("INSERT INTO pg_temp.archive_entry SELECT 5000, 90, id FROM archive_stream")
    try:
        with pytest.raises(IntegrityError, match=REFUSED), transaction.atomic():
            insert(message, n=90, seq=5000)
    finally:
        run("DROP TABLE pg_temp.archive_entry")


@pytest.mark.breaks_the_record
def test_control_without_the_constraint_the_row_stays(message: Message) -> None:
    run("ALTER TABLE messenger_message DISABLE TRIGGER messenger_message_has_entry")
    try:
        with transaction.atomic():
            insert(message, n=90, seq=5000)
        assert Message.objects.count() == 2
    finally:
        run("ALTER TABLE messenger_message ENABLE ALWAYS TRIGGER messenger_message_has_entry")
