"""A disposal that could not clear what it left is an alarm until it could; nothing in the record says that it was."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from admin_portal import alarms
from admin_portal.models import Alarm
from archive import events, ledger, purging, retention
from archive.retention import derived
from tests.archive.samples import ALICE, record, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
CARL, CORA = (events.Actor(id=f"person:{i}", name=name) for i, name in ((2, "Carl"), (3, "Cora")))
OLD = datetime(2019, 11, 14, 9, 30, tzinfo=UTC)
TERM_OVER = datetime(2026, 11, 16, tzinfo=UTC)


def dispose() -> retention.Disposed:
    return retention.dispose_expired(reason="term over", asked_by=CARL, approved_by=CORA, at=TERM_OVER)


@pytest.fixture
def kept() -> Iterator[list[str]]:
    """Gather each time at which keys are about to be destroyed."""
    times: list[str] = []
    derived.register_keeper("count", keep=lambda: times.append("kept"))
    yield times
    del derived._keepers["count"]


def raised(*, hours: float) -> list[tuple[str, list[str]]]:
    alarms.watch(at=TERM_OVER + timedelta(hours=hours))
    return [(alarm.kind, alarm.problems) for alarm in Alarm.objects.filter(kind=Alarm.DISPOSAL, cleared_at=None)]


def kinds() -> list[str]:
    return [entry.kind for entry in ledger.read_stream("disposals")]


def test_control_a_disposal_that_came_to_its_end_is_no_alarm() -> None:
    record(signed_in(actor=ALICE, at=OLD))
    assert dispose().count == 1
    assert (kinds(), raised(hours=2)) == (["disposal.made", "key.destroyed"], [])


def test_what_could_not_be_cleared_is_an_alarm_after_an_hour_and_until_it_is(
    monkeypatch: pytest.MonkeyPatch, kept: list[str]
) -> None:
    record(signed_in(actor=ALICE, at=OLD))
    with monkeypatch.context() as elsewhere:  # the store's answer, as of a role that does not own the tables
        elsewhere.setattr(purging, "scrub", lambda _tables: False)
        assert dispose().count == 1
        assert raised(hours=0.5) == []
        ((kind, problems),) = raised(hours=2)
        assert retention.finish_disposals(TERM_OVER) == ()
        assert len(raised(hours=3)) == 1
        assert len(kept) == 1, "the keys are destroyed once, however often the sweep comes"
    assert (kind, kinds()) == ("disposal", ["disposal.made"])
    assert problems[0].startswith("What disposals since 2026-11-16 00:00 UTC left in the database's files")
    assert "run `manage.py disposal scrub`" in problems[0]
    assert ledger.check().is_sound, "the keys are destroyed, and the record is what it was"
    assert len(retention.finish_disposals(TERM_OVER)) == 1
    assert (kinds(), raised(hours=4)) == (["disposal.made", "key.destroyed"], [])
