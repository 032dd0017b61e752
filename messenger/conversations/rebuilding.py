"""Conversations made again from their entries, after the record was refilled into an older database.

What is written is what the comparison (comparing.py) expects. It must not record, announce or send anything, and it
leaves out what needs somebody who is not in this database: the comparison then names what is missing.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import uuid4

from django.core.management.color import no_style
from django.db import connection, models
from django.db.models import F

from archive import ledger
from archive.events import Json
from messenger.conversations import rows
from messenger.conversations.comparing import MESSAGE_KINDS, STREAMS, event_columns, message_columns
from messenger.conversations.membership import OPEN_HISTORY
from messenger.conversations.models import Conversation, Message, ReadMarker, StreamEvent
from messenger.conversations.names import number_in
from messenger.people.models import Contact, Person
from messenger.spaces.models import Membership, Roster, Space

Content = dict[str, Json]


def register() -> None:
    """Have conversations rebuilt whenever the record is refilled."""
    ledger.register_rebuilding("chat", streams=STREAMS, rebuild=rebuild)


def rebuild(entries: Sequence[ledger.Recorded]) -> None:
    """Make the rows of these entries, in the order of the record; what is there already stays as it is."""
    known = set(StreamEvent.objects.filter(seq__in=[entry.seq for entry in entries]).values_list("seq", flat=True))
    for entry in entries:
        conversation = _conversation_of(entry)
        if conversation is not None and entry.seq not in known:
            _project(entry, conversation)


def _project(entry: ledger.Recorded, conversation: Conversation) -> None:
    is_message = entry.kind in MESSAGE_KINDS
    StreamEvent.objects.create(seq=entry.seq, **({"data": {}} | event_columns(entry)))
    rows.advance(conversation, n=entry.n, at=entry.at, messages=int(is_message))
    if is_message:
        _make_message(entry, conversation)
    elif entry.content is not None and entry.kind in _CHANGES:
        _CHANGES[entry.kind](conversation, entry, entry.content)


def _make_message(entry: ledger.Recorded, conversation: Conversation) -> None:
    columns: dict[str, object] = {"body": "", "html": "", "client_key": uuid4()} | message_columns(entry)
    # Who is not in this database cannot be named by a row; the entry names them.
    for column, model in (("author_id", Person), ("contact_id", Contact)):
        number = columns.get(column)
        columns[column] = number if isinstance(number, int) and _is_there(model, number) else None
    columns["is_disposed"] = entry.content is None
    Message.objects.create(seq=entry.seq, ordinal=conversation.ordinal, **columns)


def _conversation_of(entry: ledger.Recorded) -> Conversation | None:
    number = number_in(entry.stream, of="conversation")
    found = Conversation.objects.filter(pk=number).first()
    if found is None and entry.kind == "conversation.created" and entry.content is not None:
        return _open(number, entry.content, at=entry.at)
    return found


def _open(number: int, content: Content, *, at: datetime) -> Conversation | None:
    """Make a conversation that was opened after the dump; not a client thread, whose contact no entry here names."""
    kind, title = str(content["conversation_kind"]), str(content["title"])
    if kind == Conversation.CLIENT:
        return None
    people = sorted(_person(member) for member in _list(content["members"]))
    roster = Roster.objects.create(direct_key=_direct_key(people) if kind == Conversation.DIRECT else None)
    space = None
    if kind in (Space.TEAM, Space.BROADCAST):
        space = Space.objects.create(kind=kind, name=title, roster=roster, created_at=at)
    conversation = Conversation.objects.create(
        pk=number, kind=kind, title=title, roster=roster, space=space, created_at=at, last_at=at
    )
    _skip_number()
    owner = _person(content["actor"]) if space is not None else 0
    for person in Person.objects.filter(pk__in=people):
        role = Membership.OWNER if person.pk == owner else Membership.MEMBER
        Membership.objects.create(roster=roster, person=person, role=role, from_n=1, added_at=at)
        ReadMarker.objects.create(conversation=conversation, person=person, n=1, at=at)
    return conversation


def _join(conversation: Conversation, entry: ledger.Recorded, content: Content) -> None:
    person = Person.objects.filter(pk=_person(content["member"])).first()
    if person is None:
        return
    from_n = 1 if conversation.kind in OPEN_HISTORY else entry.n
    Membership.objects.get_or_create(
        roster_id=conversation.roster_id,
        person=person,
        until_n=None,
        defaults={"from_n": from_n, "added_at": entry.at, "role": str(content["role"])},
    )
    marker = {"n": entry.n, "ordinal": conversation.ordinal, "at": entry.at}
    ReadMarker.objects.update_or_create(conversation=conversation, person=person, defaults=marker)
    Roster.objects.filter(pk=conversation.roster_id).update(epoch=F("epoch") + 1)


def _leave(conversation: Conversation, entry: ledger.Recorded, content: Content) -> None:
    stays = Membership.objects.filter(roster=conversation.roster_id, person_id=_person(content["member"]), until_n=None)
    stays.update(until_n=entry.n, ended_at=entry.at)
    Roster.objects.filter(pk=conversation.roster_id).update(epoch=F("epoch") + 1)


def _remove(conversation: Conversation, _entry: ledger.Recorded, content: Content) -> None:
    removed = Message.objects.filter(conversation=conversation, n=int(str(content["n"])))
    removed.update(state=Message.REMOVED, removal_reason=str(content["reason"]))


_CHANGES: dict[str, Callable[[Conversation, ledger.Recorded, Content], None]] = {
    "membership.added": _join,
    "membership.removed": _leave,
    "message.removed": _remove,
}


def _is_there(model: type[models.Model], number: int) -> bool:
    return model._default_manager.filter(pk=number).exists()


def _direct_key(people: Sequence[int]) -> str:
    return hashlib.sha256(",".join(map(str, people)).encode()).hexdigest()


def _person(actor: Json) -> int:
    return number_in(actor.get("id"), of="person") if isinstance(actor, dict) else 0


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _skip_number() -> None:
    """Let the next conversation have a number after this one: PostgreSQL counts apart from the rows."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Conversation]):
            cursor.execute(statement)
