"""What the tests of holds, retention and disposal share: old entries, the two people it takes, and their acts."""

from collections.abc import Iterable
from datetime import UTC, datetime

from archive import ledger, retention
from archive.events import Actor
from archive.spans import Span
from tests.archive.samples import ALICE, record, said

CARL = Actor(id="person:8", name="Carl", role="compliance officer")
CORA = Actor(id="person:9", name="Cora", role="compliance officer")
OLD = datetime(2019, 11, 14, 9, 30, tzinfo=UTC)
NEXT_DAY = OLD.replace(day=15)
TERM_OVER = datetime(2026, 11, 15, 0, 0, tzinfo=UTC)  # of what was said on OLD's day, and of nothing later


def say(*bodies: str, at: datetime = OLD, stream: str = "conversation:7", actor: Actor = ALICE) -> list[int]:
    """Record messages and return their numbers."""
    return [receipt.seq for receipt in record(*(said(body, at=at, stream=stream, actor=actor) for body in bodies))]


def dispose(at: datetime = TERM_OVER) -> retention.Disposed:
    return retention.dispose_expired(reason="term over", asked_by=CARL, approved_by=CORA, at=at)


def erase(*entries: Span, at: datetime = TERM_OVER) -> retention.Disposed:
    return retention.erase(entries, reason="asked by the person", asked_by=CARL, approved_by=CORA, at=at)


def bodies(seqs: Iterable[int]) -> list[str | None]:
    """Return what these entries say, None for what was disposed of."""
    opened = (ledger.open_entry(seq) for seq in seqs)
    return [None if entry.disposed_by is not None else str(entry.content["body"]) for entry in opened]
