"""The comparison of the chat's rows with the record: who owns the database is found out, and nobody else is accused."""
# ruff: noqa: S608 (statements are made of names that stand in this file)

import json
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from archive import ledger
from archive.ledger import comparing
from messenger.conversations import membership, moderation, opening, texts
from messenger.conversations.models import Conversation, Message
from messenger.people.models import Contact, Person
from messenger.spaces.models import Membership
from tests.cast import Cast
from tests.messenger.conversations.office import direct, forged, group, say, space

pytestmark = [pytest.mark.django_db]
Attack = Callable[[], None]


@pytest.fixture
def chat(cast: Cast) -> list[Message]:
    """Two conversations with everything that can happen in them; the messages of the first, by number."""
    first, second = direct(cast.alice, cast.bob), group(cast.alice, cast.bob, cast.charlie)
    said = [say(who, first, f"line *{i}*") for i, who in enumerate((cast.alice, cast.bob, cast.alice, cast.bob))]
    say(cast.charlie, second, "see <https://firm.example>")
    removed = say(cast.bob, second, "I promise you ten per cent")
    moderation.report_message(cast.alice, conversation_id=second.pk, n=removed.n, reason="advice")
    moderation.remove_message(cast.mona, message=removed, reason="A promise")
    membership.add_member(cast.alice, conversation_id=second.pk, person_id=cast.dana.pk)
    membership.remove_member(cast.alice, conversation_id=second.pk, person_id=cast.charlie.pk)
    say(cast.alice, space(cast.alice, cast.bob, kind="broadcast"), "Welcome")
    return said


def run(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def sentences_after(attack: Attack) -> str:
    """Return what the comparison says after an attack by somebody who may do anything in the database."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            run("SET LOCAL session_replication_role = replica")
        attack()
        assert ledger.check().is_sound, "only the chat was touched"
        report = ledger.compare()
        transaction.set_rollback(True)
    return " ".join(problem.what for problem in report.problems)


def put(column: str, value: object, message: Message) -> None:
    run(f"UPDATE messenger_message SET {column} = %s WHERE id = %s", value, message.pk)


def swap_bodies(one: Message, other: Message) -> None:
    for column in ("body", "html"):
        put(column, getattr(other, column), one)
        put(column, getattr(one, column), other)


def insert_copy(message: Message, *, n: int, seq: int) -> None:
    Message.objects.bulk_create([forged(message, n=n, seq=seq)])


def forget(message: Message) -> None:
    run("DELETE FROM messenger_message WHERE id = %s", message.pk)
    run("DELETE FROM messenger_streamevent WHERE seq = %s", message.seq)


# rule: us-sec-17a-4-verify
def test_everything_that_people_do_raises_no_alarm(cast: Cast, chat: list[Message]) -> None:
    opening.open_client_thread(cast.alice, contact=cast.contact)
    texts.receive_text(carrier="simulator", carrier_id="m1", number=cast.contact.number, to="+15555550100", body="Hi")
    texts.receive_text(carrier="simulator", carrier_id="m2", number="+12025550188", to="+15555550100", body="STOP")
    say(cast.alice, Conversation.objects.get(contact=cast.contact), "Good morning")
    texts.send_due()
    assert ledger.compare() == ledger.CheckReport(size=ledger.latest_checkpoint().size, is_sound=True, problems=[])


def test_each_change_to_what_was_said_is_named_with_conversation_and_number(cast: Cast, chat: list[Message]) -> None:
    victim, other = chat[1], chat[2]
    here = f"Conversation {victim.conversation_id}, number {victim.n}: "
    elsewhere = Conversation.objects.exclude(pk=victim.conversation_id).order_by("pk")[0]
    differs = f"{here}the row of the message differs from the record in "
    attacks: dict[str, Attack] = {
        f"{differs}body.": lambda: put("body", "line *one*", victim),
        f"{differs}html.": lambda: put("html", "<p>other words</p>", victim),
        f"{differs}author_id.": lambda: put("author_id", cast.alice.pk, victim),
        f"{differs}author_id, contact_id.": lambda: run(
            "UPDATE messenger_message SET author_id = NULL, contact_id = %s WHERE id = %s",
            cast.contact.pk,
            victim.pk,
        ),
        f"{differs}at.": lambda: put("at", "2026-11-20 09:00:00+00:00", victim),
        f"{differs}channel.": lambda: put("channel", "sms", victim),
        f"{differs}conversation_id, n.": lambda: run(
            "UPDATE messenger_message SET conversation_id = %s, n = 99 WHERE id = %s", elsewhere.pk, victim.pk
        ),
        f"{differs}body, html.": lambda: swap_bodies(victim, other),
        f"{differs}client_key.": lambda: put("client_key", "0123456789abcdef0123456789abcdef", victim),
        f"{here}the message of entry {victim.seq} is missing.": lambda: forget(victim),
        f"{here}the event of entry {victim.seq} is missing.": lambda: forget(victim),
        f"{here}the state of the message is not": lambda: put("state", "removed", victim),
        f"{here}the row of the event differs from the record in kind.": lambda: run(
            "UPDATE messenger_streamevent SET kind = 'message.removed' WHERE seq = %s", victim.seq
        ),
        f"{here}the row of the event differs from the record in data.": lambda: run(
            "UPDATE messenger_streamevent SET data = %s WHERE seq = %s", '{"target": 2}', victim.seq
        ),
        f"number {90}: there is a row of a message that has no entry": lambda: insert_copy(victim, n=90, seq=5000),
        f"number {91}: there is a row of a message that has no entry": lambda: insert_copy(victim, n=91, seq=-1),
        f"number {92}: there is a row of a message that has no entry": lambda: insert_copy(victim, n=92, seq=0),
        f"Conversation {victim.conversation_id}: its row differs from the record in head.": lambda: run(
            "UPDATE messenger_conversation SET head = 1 WHERE id = %s", victim.conversation_id
        ),
        f"Conversation {victim.conversation_id}: its row differs from the record in ordinal.": lambda: forget(victim),
        f"Conversation {elsewhere.pk}: its row differs from the record in title.": lambda: run(
            "UPDATE messenger_conversation SET title = 'Lunch club' WHERE id = %s", elsewhere.pk
        ),
    }
    missed = {words: found for words, attack in attacks.items() if words not in (found := sentences_after(attack))}
    assert missed == {}


def test_a_removal_that_was_undone_in_the_rows_is_named(cast: Cast, chat: list[Message]) -> None:
    removed = Message.objects.get(state=Message.REMOVED)
    here = f"Conversation {removed.conversation_id}, number {removed.n}: the state of the message is not"
    assert here in sentences_after(lambda: put("state", "shown", removed))
    assert here in sentences_after(lambda: put("removal_reason", "A joke", removed))


def test_whoever_is_let_in_or_out_by_a_row_alone_is_named(cast: Cast, chat: list[Message]) -> None:
    closed, news = Conversation.objects.get(pk=chat[0].conversation_id), Conversation.objects.get(kind="broadcast")
    bob = {"roster_id": news.roster_id, "person_id": cast.bob.pk}

    def let_in(person: Person, *, from_n: int, until_n: int | None) -> None:
        Membership.objects.create(
            roster_id=closed.roster_id, person=person, from_n=from_n, until_n=until_n, added_at=chat[0].at
        )

    def change(**columns: object) -> None:
        assert Membership.objects.filter(**bob).update(**columns) == 1

    eve, bobs = f"for person {cast.charlie.pk}.", f"for person {cast.bob.pk}."
    attacks: dict[str, list[Attack]] = {
        f"Conversation {closed.pk}: its list of members differs from the record {eve}": [
            lambda: let_in(cast.charlie, from_n=1, until_n=None),
            lambda: let_in(cast.charlie, from_n=1, until_n=99),  # who has left may read on what was said meanwhile
        ],
        f"Conversation {news.pk}: its list of members differs from the record {bobs}": [
            lambda: change(role=Membership.OWNER),
            lambda: change(from_n=2),
            lambda: change(until_n=2),
            lambda: run("DELETE FROM messenger_membership WHERE roster_id = %s AND person_id = %s", *bob.values()),
        ],
    }
    missed = {words: each for words, all_of in attacks.items() for each in all_of if words not in sentences_after(each)}
    assert missed == {}
    moved = sentences_after(lambda: change(person=cast.mona))
    assert f"differs from the record for person {', '.join(sorted(map(str, (cast.bob.pk, cast.mona.pk))))}." in moved


def test_who_was_removed_and_came_back_is_no_stranger(cast: Cast, chat: list[Message]) -> None:
    group_id = Conversation.objects.get(kind="group").pk
    membership.add_member(cast.alice, conversation_id=group_id, person_id=cast.charlie.pk)
    membership.remove_member(cast.charlie, conversation_id=group_id, person_id=cast.charlie.pk)
    assert ledger.compare().problems == []
    again = Membership.objects.filter(roster__conversation=group_id, person=cast.charlie).latest("pk")
    found = sentences_after(lambda: Membership.objects.filter(pk=again.pk).update(until_n=None))
    assert f"Conversation {group_id}: its list of members differs" in found


@pytest.mark.breaks_the_record
def test_a_conversation_whose_rows_are_all_gone_is_named(cast: Cast) -> None:
    conversation = direct(cast.alice, cast.bob)
    say(cast.alice, conversation, "nobody will know")

    def erase() -> None:
        for table in ("message", "streamevent", "readmarker"):
            run(f"DELETE FROM messenger_{table} WHERE conversation_id = %s", conversation.pk)
        run("DELETE FROM messenger_conversation WHERE id = %s", conversation.pk)

    found = sentences_after(erase)
    assert f"Conversation {conversation.pk}: its row is missing." in found
    assert f"Conversation {conversation.pk}, number 2: the message of entry" in found


@pytest.mark.breaks_the_record
def test_the_check_names_the_row_and_ends_with_1(cast: Cast, chat: list[Message]) -> None:
    put("body", "other words", chat[0])
    out, errors = StringIO(), StringIO()
    with pytest.raises(SystemExit):
        call_command("record", "check", "--json", stdout=out, stderr=errors)
    report = json.loads(out.getvalue())
    assert report["problems"][0]["seq"] == chat[0].seq
    assert f"Conversation {chat[0].conversation_id}, number {chat[0].n}: " in report["problems"][0]["what"]
    size = ledger.latest_checkpoint().size
    assert f"{2 * size} of {2 * size} entries" in errors.getvalue()


@pytest.mark.backend("sqlite")
def test_a_value_that_cannot_be_read_stops_nothing(cast: Cast, chat: list[Message]) -> None:
    found = sentences_after(lambda: put("client_key", "no uuid", chat[0]))
    assert f"A chat row of entry {chat[0].seq} cannot be read" in found
    assert sentences_after(lambda: run("UPDATE messenger_message SET n = 'x', state = 'y' WHERE id = %s", chat[0].pk))


def test_contacts_are_told_apart_from_people(cast: Cast) -> None:
    opening.open_client_thread(cast.alice, contact=cast.contact)
    texts.receive_text(carrier="simulator", carrier_id="m1", number=cast.contact.number, to="+15555550100", body="Hi")
    inbound = Message.objects.get()
    stranger = Contact.objects.create(name="Mallory", number="+12025550123", typed="", added_at=inbound.at)
    assert "contact_id." in sentences_after(lambda: put("contact_id", stranger.pk, inbound))


@pytest.mark.django_db(transaction=True)
@pytest.mark.breaks_the_record
def test_several_processes_find_what_one_finds(chat: list[Message], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "PAGE", 10)
    monkeypatch.setattr(comparing, "WORTH_IT", 10)
    put("body", "other words", chat[0])
    put("state", "removed", chat[3])
    report = ledger.compare(workers=2)
    assert len(report.problems) == 2
    assert report == ledger.compare()
