"""One file of a bag and back: an uncompressed tar whose bytes follow from the names and contents alone.

It must not unpack anything but plain files inside the folder it was given.
"""

import tarfile
from pathlib import Path, PurePosixPath

from archive.worm.stores import BLOCK_BYTES, digest_of

FILE_MODE = 0o444


class NotPacked(ValueError):
    """The file is not a segment as it is packed here."""


def pack(bag: Path, target: Path) -> str:
    """Pack a bag into a new file; return the file's SHA-256 in hex."""
    with tarfile.open(target, "x", format=tarfile.USTAR_FORMAT) as archive:
        for source in sorted(path for path in bag.rglob("*") if path.is_file()):
            info = tarfile.TarInfo(source.relative_to(bag.parent).as_posix())
            info.size, info.mode = source.stat().st_size, FILE_MODE  # times and owners stay 0
            with source.open("rb") as content:
                archive.addfile(info, content)
    with target.open("rb") as file:
        return digest_of(iter(lambda: file.read(BLOCK_BYTES), b""))


def unpack(source: Path, folder: Path) -> Path:
    """Unpack a segment into a folder and return the bag in it. Raises NotPacked, OSError."""
    names: set[str] = set()
    try:
        with tarfile.open(source, "r:") as archive:
            for info in archive:
                names.add(_unpack_one(archive, info, folder))
    except (tarfile.TarError, ValueError, FileExistsError, NotADirectoryError) as error:
        raise NotPacked(f"It cannot be unpacked: {error}.") from error
    if len(names) != 1:
        raise NotPacked("It does not hold one bag.")
    return folder / names.pop()


def _unpack_one(archive: tarfile.TarFile, info: tarfile.TarInfo, folder: Path) -> str:
    parts = PurePosixPath(info.name).parts
    content = archive.extractfile(info) if info.isreg() and not info.issparse() else None  # holes cost no room there
    if content is None or len(parts) < 2 or parts[0] == "/" or ".." in parts:
        raise NotPacked(f"{info.name!r} has no place in a segment")
    path = folder.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for block in iter(lambda: content.read(BLOCK_BYTES), b""):
            file.write(block)
    return parts[0]
