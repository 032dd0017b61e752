"""After a disposal the destroyed keys are in no file: database, log of writes, free pages, key folder, exports, logs.

The store is one of its own, so that every file of it can be read while it stands still.
"""

import secrets
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from pytest_django.plugin import DjangoDbBlocker

from archive import holds, ledger, purging
from archive.keys import open_keystore
from archive.ledger.opening import record_keys
from archive.models import Entry, RecordKey
from archive.retention import derived
from tests.archive.disposals import CARL, NEXT_DAY, bodies, dispose, erase, say
from tests.archive.exporting import WHOLE, export
from tests.archive.samples import ALICE, record, signed_in
from tests.environment import BACKEND
from tests.faults.tampering.stores import ClusterStore, FileStore, Store


@dataclass(frozen=True)
class Secrets:
    """What must be gone afterwards: wrapping keys, as they are and as their files hold them; record keys; words."""

    wrapping: list[bytes]
    record: list[bytes]
    words: list[bytes]


@contextmanager
def own_store(folder: Path) -> Iterator[Store]:
    before = dict(connection.settings_dict)
    store: Store = FileStore(folder) if BACKEND == "sqlite" else ClusterStore()
    own = {"ONRECORD_GUARD": folder / "guard", "ONRECORD_KEY_DIR": folder / "keys"}
    try:
        with override_settings(**own, ONRECORD_ERASURE_FLOOR_YEARS=0):
            store.create()
            call_command("migrate", verbosity=0)
            yield store
    finally:
        store.let_go()
        connection.settings_dict.clear()
        connection.settings_dict.update(before)


def word() -> str:
    """Return a word that stands nowhere else, and that no store shortens."""
    return "quoll" + "".join(secrets.choice("abcdefghijklmnop") for _ in range(20))


def gather(seqs: Iterable[int], *, words: Iterable[str], names: Iterable[str]) -> Secrets:
    keys, folder = open_keystore(settings.ONRECORD_KEY_DIR), settings.ONRECORD_KEY_DIR / "buckets"
    files = [(folder / name.replace("/", "_")).read_bytes() for name in names]
    wrapped = [content.partition(b"\n")[2] for content in files]
    entries = list(Entry.objects.filter(seq__in=list(seqs)))
    return Secrets(
        wrapping=[*(keys.bucket_key(name) for name in names), *wrapped],
        record=list(record_keys(entries).values()),
        words=[text.encode() for text in words],
    )


def found(needles: Iterable[bytes], *, below: Iterable[Path], except_in: Collection[str] = ()) -> list[str]:
    """Return which needle, by its place in the list, is in which file."""
    wanted = list(needles)
    files = [
        path
        for folder in below
        for path in folder.rglob("*")
        if path.is_file() and not set(except_in) & set(path.parts)
    ]
    assert files, "nothing was searched"
    contents = ((path, path.read_bytes()) for path in files)
    return [f"{place} in {path}" for path, data in contents for place, needle in enumerate(wanted) if needle in data]


def places(store: Store, folder: Path) -> list[Path]:
    return [folder] if isinstance(store, FileStore) else [folder, store._server.folder]


def test_after_a_disposal_the_keys_are_in_no_file_and_the_words_in_none_of_the_tables(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), own_store(tmp_path) as store:
        forgotten, erased, held, beside = word(), word(), word(), word()
        gone = say(f"sell {forgotten} now", "x" * 5000 + forgotten)
        kept = say(f"keep {held}")
        hold = holds.place(holds.Scope(entries=((kept[0], kept[0]),)), matter="A v B", reason="r", by=CARL, at=NEXT_DAY)
        mixed = say(f"beside {beside}", f"erase {erased}", at=NEXT_DAY)
        record(signed_in(actor=ALICE, at=NEXT_DAY))
        names = sorted(set(RecordKey.objects.exclude(seq__in=kept).values_list("bucket", flat=True)) - always())
        known = gather([*gone, mixed[1]], words=[forgotten, erased], names=names)
        exports = tmp_path / "exports"
        exports.mkdir()
        export(exports, WHOLE)
        store.stop()
        assert len(known.wrapping) == 4, "control: two days, each key plain and wrapped"
        assert {line[0] for line in found(known.words, below=places(store, tmp_path))} == {"0", "1"}, "control"
        assert {line[0] for line in found(known.wrapping, below=[tmp_path])} == {"2", "3"}, "control"
        store.start()

        assert dispose().count == len(gone)
        assert erase((mixed[1], mixed[1])).count == 1
        assert bodies([*gone, *kept, *mixed]) == [None, None, f"keep {held}", f"beside {beside}", None]
        assert (ledger.check().is_sound, ledger.check().disposed) == (True, 3)
        assert holds.active_holds() == [hold]
        if connection.vendor == "postgresql":
            assert purging.rewrite(derived.tables())
        store.stop()

        searched = places(store, tmp_path)
        assert found([*known.wrapping, *known.record], below=searched) == []
        # An earlier export is a copy outside of the record; PostgreSQL's log of writes goes as it is recycled.
        assert found(known.words, below=searched, except_in=("exports", "pg_wal")) == []
        assert found([held.encode(), beside.encode()], below=searched) != []


def always() -> set[str]:
    return {name for name in RecordKey.objects.values_list("bucket", flat=True) if name.startswith("always/")}
