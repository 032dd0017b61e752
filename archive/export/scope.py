"""What an export covers: whole streams, and within them the entries that are opened.

It must not decide who may ask for it. A stream is always exported whole, so that its completeness can be proved;
entries outside the dates and kinds are in the package as proofs, without their content.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, QuerySet

from archive.events import Json
from archive.leaf import format_time
from archive.models import Entry, Stream


class BadScope(ValueError):
    """The scope names something that cannot be exported; the message says what, and nothing has been made."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whole streams by name; opened in them is what lies in since <= at < until and is of these kinds (None: any)."""

    streams: tuple[str, ...]
    since: datetime | None = None
    until: datetime | None = None
    kinds: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.streams:
            raise BadScope("An export needs at least one stream.")
        for name, moment in (("since", self.since), ("until", self.until)):
            if moment is not None and moment.utcoffset() is None:
                raise BadScope(f"The time of {name} must say its time zone.")
        if self.since and self.until and self.since >= self.until:
            raise BadScope("The scope ends before it begins: since must be earlier than until.")

    def opens(self, kind: str, at: datetime) -> bool:
        """Tell whether an entry of this kind and time is to be opened."""
        is_late_enough = self.since is None or at >= self.since
        is_early_enough = self.until is None or at < self.until
        return is_late_enough and is_early_enough and (self.kinds is None or kind in self.kinds)

    def as_json(self) -> dict[str, Json]:
        return {
            "kinds": None if self.kinds is None else list[Json](sorted(set(self.kinds))),
            "since": _text(self.since),
            "streams": list[Json](sorted(set(self.streams))),
            "until": _text(self.until),
        }


@dataclass(frozen=True)
class Preview:
    """What an export would hold now: all entries of its streams, and the opened ones by kind and by stream name."""

    entries: int
    opened: int
    kinds: dict[str, int]
    streams: dict[str, int]


def preview(scope: Scope) -> Preview:
    """Count what an export of this scope would hold, in three queries. Raises BadScope for unknown streams."""
    names = stream_names(scope)
    every = Entry.objects.filter(stream__in=names).order_by()
    rows = _opened(every, scope).values_list("stream_id", "kind").annotate(count=Count("seq"))
    kinds: Counter[str] = Counter()
    streams = Counter(dict.fromkeys(names.values(), 0))
    for stream, kind, count in rows:
        kinds[kind] += count
        streams[names[stream]] += count
    return Preview(every.count(), kinds.total(), dict(sorted(kinds.items())), dict(sorted(streams.items())))


def stream_names(scope: Scope) -> dict[str, str]:
    """Return the names of the scope's streams by their ids, sorted by id. Raises BadScope for unknown streams."""
    found = dict(Stream.objects.filter(name__in=scope.streams).values_list("id", "name"))
    missing = set(scope.streams) - set(found.values())
    if missing:
        raise BadScope(f"The record has no stream {min(missing)}.")
    return dict(sorted(found.items()))


def _opened(entries: QuerySet[Entry], scope: Scope) -> QuerySet[Entry]:
    wanted = {"at__gte": scope.since, "at__lt": scope.until, "kind__in": scope.kinds}
    return entries.filter(**{name: value for name, value in wanted.items() if value is not None})


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment.astimezone(UTC))
