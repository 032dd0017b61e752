"""The files of opened entries, in the clear, as they lie in a package: data/attachments/<entry>-<place>.<ending>.

Danger: it opens sealed files, exactly those that the opened entries name. A file that cannot be had as it was sealed is
not handed out, and then the field that names it stays closed.
"""

from pathlib import Path

from archive import blobs, verify
from archive.canonical import Json
from archive.events import Attachment, BadAttachment
from archive.export.opening import Fields


class StoreAway(RuntimeError):
    """The store of files does not answer: the same package can be made later."""


def write_files(bag: Path, *, seq: int, fields: Fields) -> list[str]:
    """Write the files that an entry's opened fields name. Close the fields of those that cannot be had; say why.

    Raises StoreAway.
    """
    reasons = []
    for name in [name for name in fields if verify.ATTACHED_FIELD.fullmatch(name)]:
        place = name.rpartition(".")[2]
        if reason := _write(bag, fields[name], stem=f"{seq}-{place}"):
            del fields[name]
            reasons.append(f"its file {place} {reason}")
    return reasons


def _write(bag: Path, field: Json, *, stem: str) -> str:
    """Write one file; return why it cannot be had, "" when it is there."""
    try:
        file = Attachment.parse(field["value"] if isinstance(field, dict) else None)
        path = bag / verify.ATTACHMENTS / f"{stem}.{verify.ENDINGS.get(file.type, 'bin')}"
        path.parent.mkdir(exist_ok=True)
        key = bytes.fromhex(file.key)
        blobs.require_sealed(blobs.open_store(), file.blob, key=key, size_bytes=file.size_bytes, sha256=file.sha256)
        with path.open("wb") as target:
            for piece in blobs.read_blob(blobs.open_store(), file.blob, key=key, size_bytes=file.size_bytes):
                target.write(piece)
    except blobs.BlobMissing:
        return "is missing"
    except (blobs.BlobDamaged, BadAttachment):
        return "is not what was sealed"
    except blobs.NotKept as error:
        raise StoreAway("The store of files does not answer.") from error
    return ""
