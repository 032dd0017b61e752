"""What the tests of segments share: a record with a store, and a bag from it."""

from datetime import UTC, datetime
from pathlib import Path

from archive import segments
from archive.segments.names import SEALED, SegmentName
from archive.segments.packing import unpack
from archive.segments.standing import stored_names
from archive.worm.configuration import configured_store
from archive.worm.stores import Store


def now() -> datetime:
    return datetime.now(UTC)


def store() -> Store:
    found = configured_store()
    assert found is not None
    return found


def sealed_names() -> list[SegmentName]:
    return [name for name in stored_names(store()) if name.kind == SEALED]


def seal() -> SegmentName:
    """Seal what is new and return the newest segment's name."""
    assert segments.seal_segments(at=now()) == 1
    return sealed_names()[-1]


def fetch(name: SegmentName, folder: Path) -> Path:
    """Read a segment from the store and unpack it, as an auditor does."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / str(name)
    file.write_bytes(b"".join(store().read(str(name))))
    return unpack(file, folder)
