"""How long and how many, as a distribution: what a process did, for a monitoring system. Numbers only, no ids.

One thread writes each histogram; what a reader misses is in the next reading. It must not know what is measured.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
POWERS = (1, 2, 4, 8, 16, 32, 64, 128)


class Histogram:
    """How often a value was at most so large. `bounds` ascend."""

    def __init__(self, name: str, text: str, *, bounds: Sequence[float]) -> None:
        self.name, self.help = name, text
        self.total = 0.0
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        return sum(self._counts)

    def buckets(self) -> Iterator[tuple[str, int]]:
        """Yield each bound as Prometheus writes it, with how many values were at most so large; "+Inf" is the last."""
        seen = 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            seen += count
            yield bound, seen
