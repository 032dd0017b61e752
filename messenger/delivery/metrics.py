"""What delivery counts in this process, for whoever shows it (`/metrics`, the portal). Numbers only, no ids.

Written from event loops and from threads; a lost count under a race is accepted, a lock on the hot path is not.
"""

from collections import Counter

SOCKETS_OPEN = "onrecord_sockets_open"
SOCKETS_DIRECT = "onrecord_sockets_direct_total"  # opened with a way to their transport
SOCKETS_ASGI = "onrecord_sockets_asgi_total"  # opened without: the slower way
CLOSED = "onrecord_sockets_closed_total"  # by us, by code
DELIVERIES = "onrecord_deliveries_total"  # an event handed to one socket, counted by batch
FRAMES_IN = "onrecord_frames_received_total"
DROPPED = "onrecord_frames_dropped_total"  # by reason
GAPS = "onrecord_hub_gaps_total"  # conversations that had moved on without a wake-up
FETCHES = "onrecord_hub_fetches_total"
FETCH_FAILURES = "onrecord_hub_fetch_failures_total"
EVENTS = "onrecord_hub_events_total"
LAG_SUM = "onrecord_hub_lag_seconds_sum"  # from an event's time to the write
LAG_COUNT = "onrecord_hub_lag_seconds_count"
BUS_LOST = "onrecord_bus_failures_total"

_values: Counter[tuple[str, str]] = Counter()


def count(name: str, by: float = 1, *, reason: str = "") -> None:
    """Add to a counter; `reason` splits it."""
    _values[name, reason] += by  # type: ignore[assignment]  # a Counter adds any number


def snapshot() -> dict[tuple[str, str], float]:
    """Return every figure by (name, reason); the reason is empty where a figure is not split."""
    return dict(_values)
