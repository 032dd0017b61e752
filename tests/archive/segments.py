"""What the tests of segments share: a record with a store, and a bag from it."""

import io
import tarfile
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


def tar_of(*items: tuple[str, bytes], **pax: str) -> bytes:
    """Return a tar file that nobody of us would write."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in items:
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(data), pax
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def fetch(name: SegmentName, folder: Path) -> Path:
    """Read a segment from the store and unpack it, as an auditor does."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / str(name)
    file.write_bytes(b"".join(store().read(str(name))))
    return unpack(file, folder)
