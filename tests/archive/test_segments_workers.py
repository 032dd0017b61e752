"""Several workers at one store: each segment is sealed once, whoever comes first and whoever dies."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from archive import ledger, segments
from archive.models import Entry, Segment
from archive.segments import outbox
from archive.worm.file_store import FileStore
from archive.worm.stores import Stored
from tests.archive.samples import record, said
from tests.archive.segments import now, sealed_names

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    path = tmp_path / "store"
    path.mkdir()
    settings.ONRECORD_SEGMENT_STORE = f"file://{path}?immutable=no"
    settings.ONRECORD_GUARD = tmp_path / "guard" / "checkpoint"
    return path


def test_workers_at_once_seal_each_segment_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "WIDTH", 8)
    record(*(said(f"one {i}") for i in range(8)))
    record(*(said(f"two {i}") for i in range(8)))

    def work(_: int) -> int:
        try:
            return segments.seal_segments(at=now())
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as workers:
        assert sum(workers.map(work, range(4))) == 2
    assert [(name.first, name.size) for name in sealed_names()] == [(0, 8), (8, 16)]
    assert Entry.objects.filter(kind="segment.sealed").count() == 2
    assert not Segment.objects.filter(sealed_at=None).exists()
    assert ledger.check().is_sound


def test_who_died_between_upload_and_entry_is_made_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is in the store already; the next worker finds it the same and records it."""
    record(said("one"))
    at = now()
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "_record", _die)
        with pytest.raises(KeyboardInterrupt):
            segments.seal_segments(at=at)
    assert len(sealed_names()) == 1 and not Entry.objects.filter(kind="segment.sealed").exists()
    assert segments.seal_segments(at=at + timedelta(minutes=1)) == 0, "the lease of who died still runs"
    assert segments.seal_segments(at=at + timedelta(hours=1)) == 1
    assert len(sealed_names()) == 1
    assert segments.check_segments(at=at)[0].problem == ""


def test_a_store_that_is_far_away_has_a_lease_for_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Storing ends when the first lease would have ended nearly; reading back takes longer than what was left."""
    record(said("one"))
    at = now()
    claimed_by_others = list[Segment | None]()

    def others_claim() -> None:
        claimed_by_others.append(outbox.SEGMENTS.claim(at=at + outbox.SEGMENTS.lease / 2))

    put, read = FileStore.put_sealed, FileStore.read

    def put_slowly(store: FileStore, name: str, path: Path, *, digest: str) -> Stored:
        others_claim()
        return put(store, name, path, digest=digest)

    def read_slowly(store: FileStore, name: str, *, version: str = "") -> Iterator[bytes]:
        others_claim()
        return read(store, name, version=version)

    with monkeypatch.context() as patch:
        patch.setattr(FileStore, "put_sealed", put_slowly)
        patch.setattr(FileStore, "read", read_slowly)
        assert segments.seal_segments(at=at - outbox.SEGMENTS.lease * 0.9) == 1
    assert len(claimed_by_others) >= 2 and set(claimed_by_others) == {None}
    assert Segment.objects.get().tries == 1


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
