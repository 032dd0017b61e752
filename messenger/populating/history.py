"""What the invented firm says: messages, mentions and read marks, in large commits, the same for the same seed.

Everything is an entry first, with the time of its commit: the record is told no other time than the one at which it is
written, so a history never spreads over months. Must not say what the firm's rules refuse.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import accumulate
from random import Random
from uuid import UUID

from django.utils import timezone

from archive import events, ledger
from messenger.conversations.bulk import append_history, append_reads
from messenger.conversations.models import Conversation
from messenger.conversations.stream import Said, Words
from messenger.people.models import Person
from messenger.policy.access import active_rules
from messenger.policy.verdicts import Phrase, Verdict, review
from messenger.populating.talks import Talk
from messenger.populating.texts import Texts

AT_ONCE = 2_000  # messages of one commit
MENTION_SHARE = 0.03
READS_PER_COMMIT = 100
EXPONENT = 1.1  # the k-th conversation is spoken in 1 / k**1.1 as often as the first
TRIES = 20
ALLOWED = Verdict("ALLOW")


class AllRefused(RuntimeError):
    """The firm's rules refuse one text after the other."""


def zipf(count: int) -> list[float]:
    """Return how often each of so many conversations is spoken in, beside the first."""
    return [1 / place**EXPONENT for place in range(1, count + 1)]


class History:
    """Goes on with the talk in these conversations; `weights` says how often each is spoken in."""

    def __init__(self, talks: Sequence[Talk], *, weights: Sequence[float], rng: Random) -> None:
        self._talks = talks
        self._sums = list(accumulate(weights))
        self._rng = rng
        self._texts = Texts(rng)

    def write(self, count: int, *, told: Callable[[int], object] = lambda _: None) -> None:
        """Write so many messages; `told(n)` is called after each commit with how many there are."""
        for done in range(0, count, AT_ONCE):
            size = min(AT_ONCE, count - done)
            self._write(size)
            told(done + size)

    @ledger.transaction()
    def _write(self, size: int) -> None:
        at, rules, rng = timezone.now(), active_rules(), self._rng
        talks = rng.choices(self._talks, cum_weights=self._sums, k=size)
        said: list[Said] = []
        named: dict[int, list[Person]] = {}
        for place, talk in enumerate(talks):
            author = talk.speakers[int(rng.random() * len(talk.speakers))]
            first_name = self._mentioned(talk, author) if rng.random() < MENTION_SHARE else ""
            said.append(self._said(talk, author, first_name, rules=rules, at=at))
            if first_name:
                named[place] = [one for one in talk.by_first_name[first_name.casefold()] if one is not author]
        append_history(said, named=named)
        append_reads(self._readers(talks, said))

    def _said(self, talk: Talk, author: Person, mentioned: str, *, rules: Sequence[Phrase], at: datetime) -> Said:
        body, verdict = self._allowed(f"@{mentioned} " if mentioned else "", rules)
        client_key = UUID(int=self._rng.getrandbits(128), version=4)
        event = events.MessageCreated(
            stream=talk.conversation.stream,
            actor=author.as_actor(),
            at=at,
            body=body,
            client_key=str(client_key),
            hits=verdict.hits,
        )
        return Said(talk.conversation, event, Words(body=body, client_key=client_key, author=author))

    def _allowed(self, beginning: str, rules: Sequence[Phrase]) -> tuple[str, Verdict]:
        for _ in range(TRIES):
            body = beginning + self._texts.next()
            verdict = review(body, rules=rules) if rules else ALLOWED
            if not verdict.is_refused:
                return body, verdict
        raise AllRefused(f"The firm's rules refused {TRIES} texts one after the other.")

    def _mentioned(self, talk: Talk, author: Person) -> str:
        """Return the first name of another member, "" where there is none."""
        member = talk.members[int(self._rng.random() * len(talk.members))]
        return "" if member is author else member.name.split()[0]

    def _readers(self, talks: Sequence[Talk], said: Sequence[Said]) -> list[tuple[Person, Conversation]]:
        """Return who reads what was just said to its end; whoever said the last of it has read it already."""
        spoke_last = {one.conversation: one.words.author for one in said}
        readers = {}
        for talk in talks[:: max(1, len(talks) // READS_PER_COMMIT)]:
            person = talk.members[int(self._rng.random() * len(talk.members))]
            if person is not spoke_last[talk.conversation]:
                readers[person.pk, talk.conversation.pk] = (person, talk.conversation)
        return list(readers.values())
