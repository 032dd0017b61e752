"""How much one socket and one person may send. Pure: the caller gives the time, in seconds of any steady clock."""

from dataclasses import dataclass, field

BURST_S = 5.0  # a socket may spend the frames of so many seconds at once
PATIENCE = 10  # bursts of refused frames in a row after which a sender cannot be helped
TYPING_S = 3.0
MANY = 10_000


@dataclass(slots=True)
class Throttle:
    """A bucket of frames that fills at `rate` a second. Starts full."""

    rate: float
    now: float
    refused: int = 0  # in a row
    _left: float = field(init=False)

    def __post_init__(self) -> None:
        self._left = self.rate * BURST_S

    def take(self, now: float) -> bool:
        """Return whether one more frame is taken."""
        self._left = min(self.rate * BURST_S, self._left + (now - self.now) * self.rate)
        self.now = now
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        self.refused = 0
        return True

    @property
    def is_hopeless(self) -> bool:
        """Say whether the sender goes on and on although every frame is refused."""
        return self.refused > self.rate * BURST_S * PATIENCE


@dataclass(slots=True)
class TypingGate:
    """Lets "somebody types" pass once in TYPING_S for each person and conversation, from however many sockets."""

    _last: dict[tuple[int, int], float] = field(default_factory=dict)

    def passes(self, person_id: int, conversation_id: int, now: float) -> bool:
        key = (person_id, conversation_id)
        if now - self._last.get(key, now - TYPING_S) < TYPING_S:
            return False
        if len(self._last) >= MANY:
            self._last = {one: at for one, at in self._last.items() if now - at < TYPING_S}
        self._last[key] = now
        return True
