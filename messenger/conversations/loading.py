"""What delivery reads for every message, by statements that are written out (messenger/people/loading.py says why).

Reads only. Must not decide who may see what it returns.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from django.db import models

from archive.statements import Question, fetch, is_postgres, many, one_of
from messenger.conversations.models import Message, StreamEvent
from messenger.people.loading import columns, load, width
from messenger.people.models import Contact, Person

_AUTHOR_AT = width(Message)
_CONTACT_AT = _AUTHOR_AT + width(Person)
Row = TypeVar("Row", bound=models.Model)


def load_events(after: Mapping[int, int], *, limit: int) -> list[StreamEvent]:
    """Return at most so many events after the given number of each conversation, by conversation and number."""
    if not after:
        return []
    values = [value for place in after.items() for value in place]
    return [load(StreamEvent, row) for row in fetch(_events_after(len(after)), [*values, limit])]


def load_shares(after: Mapping[int, int], *, share: int) -> list[StreamEvent]:
    """Return at most so many events of each conversation, those next after the number given, by conversation and
    number.
    """
    if not after:
        return []
    rows = [load(StreamEvent, row) for row in fetch(*_asked_for_shares(after, share=share))]
    return sorted(rows, key=attrgetter("conversation_id", "n"))


def load_messages(seqs: Sequence[int]) -> list[Message]:
    """Return the messages of these entries with author and contact at hand, in any order."""
    if not seqs:
        return []
    messages = []
    for row in fetch(_messages(len(seqs)), many(seqs)):
        message = load(Message, row[:_AUTHOR_AT])
        message.author = _loaded(Person, row[_AUTHOR_AT:_CONTACT_AT])
        message.contact = _loaded(Contact, row[_CONTACT_AT:])
        messages.append(message)
    return messages


def _loaded(model: type[Row], values: Sequence[Any]) -> Row | None:  # Any: what columns hold
    return None if values[0] is None else load(model, values)


@cache
def _events_after(count: int) -> str:
    # CROSS JOIN: SQLite then reads the few places first, and the events by their index. Written out, so that PostgreSQL
    # sees how few there are: of rows given as JSON it expects a hundred, and then reads the whole table.
    return (
        f"SELECT {columns(StreamEvent, 'event')} "  # noqa: S608 (names of models)
        f"FROM (VALUES {', '.join(['(%s, %s)'] * count)}) AS place CROSS JOIN {StreamEvent._meta.db_table} event "
        "WHERE event.conversation_id = place.column1 AND event.n > place.column2 "
        "ORDER BY event.conversation_id, event.n LIMIT %s"
    )


def _asked_for_shares(after: Mapping[int, int], *, share: int) -> Question:
    if is_postgres():
        return Question(_lateral_shares(len(after)), [*(value for place in after.items() for value in place), share])
    return Question(_united_shares(len(after)), [value for place in after.items() for value in (*place, share)])


@cache
def _lateral_shares(count: int) -> str:
    return (
        f"SELECT event.* FROM (VALUES {', '.join(['(%s, %s)'] * count)}) AS place "  # noqa: S608 (names of models)
        f"CROSS JOIN LATERAL ({_share_after('place.column1', 'place.column2')}) event"
    )


@cache
def _united_shares(count: int) -> str:
    """SQLite knows no LATERAL, but parses quickly."""
    return " UNION ALL ".join([f"SELECT * FROM ({_share_after('%s', '%s')})"] * count)  # noqa: S608 (names of models)


def _share_after(conversation: str, n: str) -> str:
    return (
        f"SELECT {columns(StreamEvent, 'one')} FROM {StreamEvent._meta.db_table} one "  # noqa: S608 (names of models)
        f"WHERE one.conversation_id = {conversation} AND one.n > {n} ORDER BY one.n LIMIT %s"
    )


@cache
def _messages(count: int) -> str:
    wanted = ", ".join(columns(*part) for part in ((Message, "message"), (Person, "author"), (Contact, "contact")))
    return f"{select_messages(wanted)} WHERE message.seq {one_of('bigint', count)}"


def select_messages(wanted: str) -> str:
    """Return the beginning of a query for columns of messages, `message`, of their `author` and of their `contact`."""
    people, contacts = Person._meta.db_table, Contact._meta.db_table
    return (
        f"SELECT {wanted} FROM {Message._meta.db_table} message "  # noqa: S608 (names of models)
        f"LEFT JOIN {people} author ON author.id = message.author_id "
        f"LEFT JOIN {contacts} contact ON contact.id = message.contact_id"
    )
