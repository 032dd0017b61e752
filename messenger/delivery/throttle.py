"""How much one socket and one person may send. Pure: the caller gives the time, in seconds of any steady clock."""

from dataclasses import dataclass, field

BURST_S = 5.0  # a socket may spend the frames of so many seconds at once
PATIENCE = 10  # bursts of refused frames after which a sender cannot be helped
TYPING_S = 3.0
MANY = 10_000


@dataclass(slots=True)
class Throttle:
    """A bucket of frames that fills at `rate` a second. Starts full."""

    rate: float
    now: float
    _left: float = field(init=False)
    _strikes: float = 0.0  # refused frames, forgotten at the same rate

    def __post_init__(self) -> None:
        self._left = self.rate * BURST_S

    def take(self, now: float) -> bool:
        """Return whether one more frame is taken."""
        refill = (now - self.now) * self.rate
        self._left = min(self.rate * BURST_S, self._left + refill)
        self._strikes = max(0.0, self._strikes - refill)
        self.now = now
        if self._left < 1:
            self._strikes += 1
            return False
        self._left -= 1
        return True

    @property
    def is_hopeless(self) -> bool:
        """Say whether the sender goes on and on although frames are refused."""
        return self._strikes > self.rate * BURST_S * PATIENCE


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
