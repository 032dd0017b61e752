"""The list of segments on the page Record: which runs, where they are, when they were read back and how that ended."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from archive import evidence, segments
from archive.evidence.runs import SHOWN
from archive.models import Segment
from archive.worm.file_store import FileStore
from archive.worm.stores import StoreAway
from tests.admin_portal.conftest import Office
from tests.admin_portal.test_pages import ClientFor
from tests.archive.samples import record, signed_in

pytestmark = pytest.mark.django_db


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def store(office: Office, settings: Settings, tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    settings.ONRECORD_SEGMENT_STORE = f"file://{tmp_path}/store?immutable=no"
    return tmp_path / "store"


def seal() -> None:
    record(signed_in())
    assert segments.seal_segments(at=now(), is_due_now=True) == 1


@pytest.fixture
def page(office: Office, client_for: ClientFor) -> "Page":
    return Page(office, client_for)


class Page:
    """The page Record as a compliance officer reads it, without the markup's line breaks."""

    def __init__(self, office: Office, client_for: ClientFor) -> None:
        self._client = client_for(office.cast.carl)

    def text(self) -> str:
        return " ".join(self._client.get("/portal/record/").content.decode().split())


def test_without_a_place_the_page_says_what_is_missing(page: Page) -> None:
    assert evidence.sealed_runs(at=now()).level == "off"
    assert "No place for them is set (ONRECORD_SEGMENT_STORE)" in page.text()


def test_before_the_first_segment_the_page_says_when_it_comes(store: Path, page: Page) -> None:
    assert evidence.sealed_runs(at=now()).level == "none"
    assert "The first segment comes within a day." in page.text()


def test_runs_follow_each_other_newest_first_with_their_place(store: Path, page: Page) -> None:
    seal()
    seal()
    found = evidence.sealed_runs(at=now())
    newest, first = found.runs
    assert (found.level, found.count, found.is_gapless) == ("green", 2, True)
    assert (first.first, newest.first, newest.last) == (0, first.last + 1, found.size - 1)
    assert {run.state for run in found.runs} == {"sound"}
    shown = page.text()
    assert f"Entries {newest.first} to {newest.last}" in shown
    assert f"2 segments hold the first {found.size} entries." in shown
    assert str(store) in shown


def test_a_segment_that_was_changed_stands_first_and_turns_the_card_red(store: Path, page: Page) -> None:
    seal()
    seal()
    oldest = sorted(store.glob("segment-*"))[0]
    oldest.chmod(0o644)
    oldest.write_bytes(b"changed")
    segments.check_segments(at=now(), everything=True)
    found = evidence.sealed_runs(at=now())
    assert (found.level, found.broken, [run.state for run in found.runs]) == ("red", 1, ["broken", "sound"])
    assert "Not read back as sealed" in page.text()
    assert "Its bytes are not those it had." in page.text()


def test_a_row_that_somebody_removed_is_a_gap(store: Path, page: Page) -> None:
    for _ in range(3):
        seal()
    Segment.objects.order_by("first")[1].delete()
    found = evidence.sealed_runs(at=now())
    assert (found.level, found.is_gapless) == ("red", False)
    assert "The list of runs has a gap" in page.text()


def test_segments_that_nobody_reads_back_turn_amber_and_the_nightly_look_ends_that(store: Path) -> None:
    seal()
    assert evidence.sealed_runs(at=now() + timedelta(days=2)).level == "green"
    later = now() + timedelta(days=4)
    found = evidence.sealed_runs(at=later)
    assert (found.level, found.late, found.runs[0].state) == ("amber", 1, "late")
    segments.check_segments(at=later)
    assert evidence.sealed_runs(at=later).level == "green"


def test_a_run_that_the_store_does_not_take_waits_with_its_reason(
    store: Path, page: Page, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal()
    before = evidence.sealed_runs(at=now())
    monkeypatch.setattr(FileStore, "put_sealed", refuse)
    record(signed_in())
    assert segments.seal_segments(at=now(), is_due_now=True) == 0
    found = evidence.sealed_runs(at=now())
    assert (found.count, found.size, found.is_gapless) == (1, before.size, True)
    assert [run.state for run in found.runs] == ["waiting", "sound"]
    assert "Being sealed" in page.text()
    assert "The folder is full." in page.text()


def refuse(*_: object, **__: object) -> None:
    raise StoreAway("The folder is full.")


def test_many_runs_cost_as_many_queries_as_few(store: Path) -> None:
    seal()
    with CaptureQueriesContext(connection) as few:
        evidence.sealed_runs(at=now())
    last = Segment.objects.get()
    Segment.objects.bulk_create(
        Segment(
            first=last.size + number,
            size=last.size + number + 1,
            root=last.root,
            due_at=now(),
            sealed_at=now(),
            checked_at=now(),
            store=last.store,
        )
        for number in range(3 * SHOWN)
    )
    with CaptureQueriesContext(connection) as many:
        found = evidence.sealed_runs(at=now())
    assert len(many) == len(few) == 5
    assert (found.count, len(found.runs), found.is_gapless) == (3 * SHOWN + 1, SHOWN, True)
