"""Who is here: the people with an open socket in this process and, as these tell it, in the others.

Each process says its whole list when it changes and now and then. So a list that got lost is mended by the next one,
and a process that says nothing any more is forgotten. Pure: ids and times; the caller gives the time, in seconds of
any steady clock. It must not know who may see whom (presence.py).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

GRACE_S = 8.0  # who loads the page anew, or comes back from a lost network, has not been away
BEAT_S = 15.0
FORGET_S = 40.0


@dataclass(frozen=True, slots=True)
class Word:
    """What a process said last: who is there. `number` grows with each word of a process."""

    number: int
    people: frozenset[int]


@dataclass(slots=True)
class Roll:
    """The people of this process, those of the others, and what of it has been told."""

    _sockets: Counter[int] = field(default_factory=Counter)
    _leaving: dict[int, float] = field(default_factory=dict)  # until when somebody without a socket counts as here
    _others: dict[str, tuple[Word, float]] = field(default_factory=dict)  # with the time at which it was heard
    _told: frozenset[int] = frozenset()
    _said: Word = Word(number=0, people=frozenset())
    _said_at: float = 0.0
    _is_asked: bool = False

    def arrive(self, person_id: int) -> None:
        """Count one more socket of a person."""
        self._sockets[person_id] += 1
        self._leaving.pop(person_id, None)

    def depart(self, person_id: int, *, now: float) -> None:
        """Count one less; with the last one the grace begins."""
        self._sockets[person_id] -= 1
        if self._sockets[person_id] <= 0:
            del self._sockets[person_id]
            self._leaving[person_id] = now + GRACE_S

    def hear(self, node: str, word: Word, *, now: float) -> None:
        """Take another process's word; an older one than the last changes nothing. A newcomer is told ours."""
        known = self._others.get(node)
        if known is None:
            self._is_asked = True
        elif word.number <= known[0].number:
            return
        self._others[node] = (word, now)

    def settle(self, *, now: float) -> None:
        """Forget whose grace has ended, and processes that have fallen silent."""
        self._leaving = {person_id: until for person_id, until in self._leaving.items() if until > now}
        self._others = {node: (word, at) for node, (word, at) in self._others.items() if now - at < FORGET_S}

    def word_to_say(self, *, now: float) -> Word | None:
        """Return what the other processes are to be told now, None when there is nothing."""
        mine = self._mine()
        is_due = bool(mine) and (self._is_asked or now - self._said_at >= BEAT_S)
        self._is_asked = False
        if mine == self._said.people and not is_due:
            return None
        self._said, self._said_at = Word(number=self._said.number + 1, people=mine), now
        return self._said

    def here(self) -> frozenset[int]:
        """Return everybody who is here, in whichever process."""
        return self._mine().union(*(word.people for word, _ in self._others.values()))

    def take_changes(self) -> tuple[frozenset[int], frozenset[int]]:
        """Return who has come and who has gone since the last call."""
        here, told = self.here(), self._told
        self._told = here
        return here - told, told - here

    @property
    def is_quiet(self) -> bool:
        """Say whether time alone can change nothing that anybody here would see."""
        return not self._sockets and not self._leaving

    def _mine(self) -> frozenset[int]:
        return frozenset(self._sockets) | frozenset(self._leaving)


def text_of(node: str, word: Word) -> str:
    """Return a process's word as it travels: its name, the number, the ids."""
    return f"{node} {word.number} {','.join(map(str, sorted(word.people)))}"


def word_of(text: str) -> tuple[str, Word]:
    """Return what `text_of` was given. Raises ValueError for anything else."""
    node, number, people = text.split(" ")
    return node, Word(number=int(number), people=frozenset(_ids(people.split(","))))


def _ids(words: Iterable[str]) -> Iterable[int]:
    return (int(word) for word in words if word)
