"""What delivery counts in this process, for whoever shows it (`/metrics`). Numbers only, no ids and no content.

Written from event loops and from threads; a lost count under a race is accepted, a lock on the hot path is not.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from archive.measures import SECONDS, Histogram

SOCKETS_OPEN = "onrecord_sockets_open"
SOCKETS_DIRECT = "onrecord_sockets_direct_total"
SOCKETS_ASGI = "onrecord_sockets_asgi_total"
CLOSED = "onrecord_sockets_closed_total"
DELIVERIES = "onrecord_deliveries_total"
FRAMES_IN = "onrecord_frames_received_total"
DROPPED = "onrecord_frames_dropped_total"
SYNCS = "onrecord_sync_requests_total"
GAPS = "onrecord_hub_gaps_total"
FETCHES = "onrecord_hub_fetches_total"
FETCH_FAILURES = "onrecord_hub_fetch_failures_total"
LEFT_OUT = "onrecord_hub_left_out_total"
EVENTS = "onrecord_hub_events_total"
UNREAD = "onrecord_hub_events_unread_total"
BUS_LOST = "onrecord_bus_failures_total"
UNREADABLE = "onrecord_bus_hints_unreadable_total"

HELP = {
    SOCKETS_OPEN: "Sockets that this process serves now.",
    SOCKETS_DIRECT: "Sockets that were written to directly.",
    SOCKETS_ASGI: "Sockets that went the servers' own, slower way: compression, or a server that is not known.",
    CLOSED: "Sockets that we closed, by close code (docs/protocol.md).",
    DELIVERIES: "Events that sockets were handed, counted for each of them.",
    FRAMES_IN: "Frames that clients sent.",
    DROPPED: "Frames that were not sent: to who read too slowly, and droppable ones.",
    SYNCS: "Times that clients asked what they had missed.",
    GAPS: "Conversations that had moved on without a wake-up from the bus.",
    FETCHES: "Reads of the hub.",
    FETCH_FAILURES: "Reads of the hub that failed and were tried again.",
    LEFT_OUT: "Times that a conversation was left out because something in it cannot be shown.",
    EVENTS: "Events that sockets here were told of, once each, however often they were read for latecomers.",
    UNREAD: "Those of them that this process had just committed, so that they were not read again.",
    BUS_LOST: "Times that the subscription to Redis broke, or that hints could not be published.",
    UNREADABLE: "Hints of the bus that could not be read and were passed over.",
}

LAG = Histogram(
    "onrecord_hub_lag_seconds",
    "From an event's time, a little before its commit, to its frame at the sockets; newest event of each batch.",
    bounds=SECONDS,
)
HISTOGRAMS = (LAG,)

_values: Counter[tuple[str, str]] = Counter()


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure; `reason` splits those of one name and is empty where nothing is split."""

    name: str
    help: str
    value: float
    reason: str = ""


def count(name: str, by: float = 1, *, reason: str = "") -> None:
    """Add to a figure of HELP; `reason` splits it."""
    _values[name, reason] += by  # type: ignore[assignment]  # a Counter adds any number


def samples() -> Iterator[Sample]:
    """Yield every figure, those of one name together; what has not happened yet is 0."""
    found = dict(_values)
    for name, text in HELP.items():
        reasons = sorted(reason for known, reason in found if known == name) or [""]
        for reason in reasons:
            yield Sample(name, text, found.get((name, reason), 0), reason)
