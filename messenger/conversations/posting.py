"""Posts into the record: those that wait at the same time are one set, read, judged and written together.

The order is the same for one as for many: door and access, known client key, policy verdict, entries, rows,
announcement on commit. Worst case of a mistake here: a post by somebody who may post no more. So everything that a
judgement rests on is read here, under the record's lock, and nothing that was read before counts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from archive import events, ledger
from archive.statements import fetch_together
from messenger.conversations import attachments as files
from messenger.conversations import rows, texts
from messenger.conversations.access import Seat
from messenger.conversations.models import Conversation, Mention, Message, RefusedPost
from messenger.conversations.seats import SeatKey, seats_from, seats_question
from messenger.conversations.stream import Said, Words, append_messages
from messenger.people.doors import Door, doors_question, open_doors
from messenger.people.errors import Conflict, Denial, Invalid, NotAllowed, NotFound, SignedOut
from messenger.people.models import Person
from messenger.policy.access import rules_from, rules_question
from messenger.policy.verdicts import Phrase, Verdict, review

_MENTION = re.compile(r"(?<!\w)@(\w[\w.-]*)")


@dataclass(frozen=True)
class Wish:
    """What somebody wants to post: their words cleaned and rendered, their files known to be durable.

    `door` is what they came in by, where that was looked at longer ago than at this request.
    """

    person_id: int
    conversation_id: int
    client_key: UUID
    body: str
    html: str
    files: tuple[UUID, ...] = ()
    door: Door | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Posted:
    """The message is in the signed record. `is_new` is false when the client key had been used for it before."""

    message: Message
    is_new: bool


@dataclass(frozen=True)
class Refusal:
    """Policy refused the words: the record keeps them, nobody sees them."""

    client_key: UUID
    reasons: tuple[dict[str, str], ...]


Answer = Posted | Refusal | Denial


@dataclass(frozen=True)
class Standing:
    """What holds while a set is written: who sits where, which doors and keys, which rules count, what time it is."""

    seats: Mapping[SeatKey, Seat]
    doors: frozenset[Door]
    used_keys: frozenset[UUID]
    rules: Sequence[Phrase]
    at: datetime

    def seat_of(self, wish: Wish) -> Seat:
        """Return the seat that the wish is made from. Raises SignedOut where its door does not open, else NotFound."""
        if wish.door is not None and wish.door not in self.doors:
            raise SignedOut
        seat = self.seats.get((wish.person_id, wish.conversation_id))
        if seat is None:
            raise NotFound
        return seat


@dataclass(frozen=True)
class Judged:
    """Words that may be recorded, with what policy says of them."""

    seat: Seat
    words: Words
    verdict: Verdict
    at: datetime


def write_posts(wishes: Sequence[Wish]) -> list[Answer]:
    """Answer each wish, in this order. Call it inside `ledger.transaction()`.

    Who is denied gets the denial as their answer. What is raised concerns the set: the caller takes all of it back.
    A wish with files comes alone: what its files meet may be raised after the entry.
    """
    at = timezone.now()
    answers: dict[int, Answer] = {}
    left = dict(enumerate(wishes))
    while left:
        # The same client key twice in a set: the second wish is answered when the first has been written.
        first_of = {wish.client_key: number for number, wish in reversed(left.items())}
        now = {number: left.pop(number) for number in sorted(first_of.values())}
        answers |= _write(now, standing=_standing(list(now.values()), at=at))
    return [answers[number] for number in range(len(wishes))]


def _standing(wishes: Sequence[Wish], *, at: datetime) -> Standing:
    doors = {wish.door for wish in wishes if wish.door is not None}
    client_keys = [wish.client_key for wish in wishes]
    of_seats, of_doors, of_keys, of_rules = fetch_together(
        [
            seats_question([(wish.person_id, wish.conversation_id) for wish in wishes]),
            doors_question(doors, at=at),
            rows.keys_question(client_keys),
            rules_question(),
        ]
    )
    return Standing(
        seats=seats_from(of_seats),
        doors=open_doors(doors, of_doors),
        used_keys=rows.used_keys(client_keys, of_keys),
        rules=rules_from(of_rules),
        at=at,
    )


def _write(wishes: Mapping[int, Wish], *, standing: Standing) -> dict[int, Answer]:
    """Judge each, then record together what is to be said; texts to phones and refusals are recorded one by one."""
    answers: dict[int, Answer] = {}
    said: dict[int, Said] = {}
    for number, wish in wishes.items():
        try:
            judged = _judge(wish, standing=standing)
        except Denial as denial:
            judged = denial
        recorded = _record(judged) if isinstance(judged, Judged) else judged
        if isinstance(recorded, Said):
            said[number] = recorded
        else:
            answers[number] = recorded
    messages = append_messages(list(said.values())) if said else []
    for number, message in zip(said, messages, strict=True):
        _note_mentions(message, seat=standing.seat_of(wishes[number]))
        answers[number] = Posted(message=message, is_new=True)
    return answers


def _judge(wish: Wish, *, standing: Standing) -> Answer | Judged:
    """Raise what denies the wish, return the answer that it had before, or the verdict. Nothing is written yet."""
    seat = standing.seat_of(wish)
    earlier = _earlier_answer(seat, wish.client_key) if wish.client_key in standing.used_keys else None
    if earlier is not None:
        return earlier
    if not seat.may_post:
        raise NotAllowed("Only the owners of a broadcast space post in it.")
    at = wish.at or standing.at
    if wish.files and seat.conversation.kind == Conversation.CLIENT:
        raise Invalid(files.FIELD, "Files cannot be sent to a phone: a text message carries words only.")
    attached = files.take_waiting(seat.person, wish.files, at=at)
    words = Words(body=wish.body, client_key=wish.client_key, author=seat.person, attachments=attached, html=wish.html)
    verdict = review("\n".join([words.body, *(file.name for file in attached)]), rules=standing.rules)
    return Judged(seat, words, verdict, at)


def _record(judged: Judged) -> Answer | Said:
    """Record what is recorded by itself; return what is to be said together with the others."""
    seat, words, verdict, at = judged.seat, judged.words, judged.verdict, judged.at
    if verdict.is_refused:
        return _refuse(seat, words, verdict, at=at)
    if seat.conversation.kind == Conversation.CLIENT:
        message = texts.queue_text(seat.conversation, words, hits=verdict.hits, at=at)
        _note_mentions(message, seat=seat)
        return Posted(message=message, is_new=True)
    return _said(seat, words, verdict, at=at)


def _said(seat: Seat, words: Words, verdict: Verdict, *, at: datetime) -> Said:
    event = events.MessageCreated(
        stream=seat.conversation.stream,
        actor=seat.person.as_actor(),
        at=at,
        body=words.body,
        attachments=words.attachments,
        client_key=str(words.client_key),
        hits=verdict.hits,
    )
    return Said(conversation=seat.conversation, event=event, words=words)


def _earlier_answer(seat: Seat, client_key: UUID) -> Posted | Refusal | None:
    message = Message.objects.filter(client_key=client_key).select_related("author", "contact").first()
    if message is not None:
        if message.author_id != seat.person.pk or message.conversation_id != seat.conversation.pk:
            raise Conflict("client_key", "This client key belongs to another message.")
        return Posted(message=message, is_new=False)
    refused = RefusedPost.objects.filter(client_key=client_key).first()
    if refused is None:
        return None
    if refused.person_id != seat.person.pk or refused.conversation_id != seat.conversation.pk:
        raise Conflict("client_key", "This client key belongs to another message.")
    return Refusal(client_key=client_key, reasons=tuple(refused.reasons))


def _refuse(seat: Seat, words: Words, verdict: Verdict, *, at: datetime) -> Refusal:
    reasons = tuple(reason.as_json() for reason in verdict.reasons)
    receipt = ledger.record(
        events.MessageRefused(
            stream=f"person:{seat.person.pk}",
            actor=seat.person.as_actor(),
            at=at,
            body=words.body,
            attachments=words.attachments,
            client_key=str(words.client_key),
            conversation=seat.conversation.stream,
            hits=verdict.hits,
            reasons=tuple(dict(reason) for reason in reasons),
        )
    )
    files.name_in_record(words.attachments, seq=receipt.seq)
    RefusedPost.objects.create(
        client_key=words.client_key,
        person=seat.person,
        conversation=seat.conversation,
        seq=receipt.seq,
        reasons=list(reasons),
        at=at,
    )
    return Refusal(client_key=words.client_key, reasons=reasons)


def _note_mentions(message: Message, *, seat: Seat) -> None:
    """Keep a row for each member named by their first name; a message without @ costs no query."""
    named = {name.casefold().rstrip(".-") for name in _MENTION.findall(message.body)}
    if not named:
        return
    # Compared here: databases differ in what they take for the same letter. Not as objects: there may be thousands.
    members = Person.objects.filter(memberships__roster=seat.membership.roster_id, memberships__until_n=None)
    Mention.objects.bulk_create(
        Mention(message=message, conversation=seat.conversation, person_id=person_id, ordinal=message.ordinal)
        for person_id, name in members.exclude(pk=seat.person.pk).values_list("pk", "name")
        if name.split()[0].casefold() in named
    )
