"""How long to wait before something that failed is tried again. Pure: no Django, no clock, no chance of its own."""

from dataclasses import dataclass
from datetime import timedelta

_MOST_STEPS = 32  # beyond them every pause is the longest one


@dataclass(frozen=True)
class Backoff:
    """Pauses that grow by `factor` from `first` to `longest`, each shortened by chance so that not all come at once."""

    first: timedelta
    longest: timedelta
    factor: int = 2

    def pause_after(self, tries: int, *, chance: float) -> timedelta:
        """Return the pause after so many failed tries; `chance`, from 0 to 1, takes up to half of it away."""
        whole = self.first
        for _ in range(min(tries - 1, _MOST_STEPS)):
            whole = min(whole * self.factor, self.longest)
        return min(whole, self.longest) * (1 - chance / 2)
