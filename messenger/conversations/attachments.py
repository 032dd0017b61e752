"""Files in messages: taken in and sealed, held until their message is posted, read back from the record.

Principle: a message with a file is acknowledged only once the file is durable, and a file is readable through its entry
alone. Worst case of a mistake: a message that promises a file which nobody can open.
"""

import io
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from archive import events, ledger, uploads
from archive.events import Attachment
from messenger.conversations import filetypes
from messenger.conversations.access import access_message
from messenger.conversations.models import Message, Upload
from messenger.people.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable
from messenger.people.models import Person

FIELD = "attachments"
MOST_IN_A_MESSAGE = events.MOST_ATTACHMENTS
LIFETIME = uploads.LIFETIME
MOST_WAITING = 50  # files that one person may have uploaded and not posted
PIECE_BYTES = 1 << 18
_NOT_READ = "This file cannot be read. Tell your administrator: the record has to be checked."
_NOT_KEPT = "The file could not be kept on our side. Try again; if it stays, tell your administrator."


class Source(Protocol):
    """Whatever gives the file's bytes: a request, or an open file."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class StoredFile:
    """A file of a message that the reader may see."""

    file: Attachment

    def read(self, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes in the clear. Raises Unavailable where they cannot be given."""
        return _telling(uploads.read(self.file, start=start, end=end))


def largest_file_bytes() -> int:
    return int(settings.ONRECORD_ATTACHMENT_MAX_MB) * 1024 * 1024


def too_large() -> Invalid:
    """Return what is said of a file that is too large."""
    return Invalid("file", f"The file is larger than {settings.ONRECORD_ATTACHMENT_MAX_MB} MB.")


# --- in --------------------------------------------------------------------------------------------------------------
def take_in(person: Person, source: Source, *, name: str, at: datetime | None = None) -> Upload:
    """Seal a file as it comes and keep it for a message; on return it is durable and was read back.

    Raises SignedOut, NotAllowed, Conflict (too many are waiting), Invalid (field `file`: too large, of a type that is
    not allowed, no image although it says so), Unavailable (disk or store takes nothing, no key can be had).
    """
    at, upload_id = at or timezone.now(), uuid.uuid4()
    name = filetypes.clean_name(name)
    _require_welcome(person, name)
    try:
        with uploads.open_draft() as draft:
            _copy(source, draft)
            blob = draft.finish()
            media_type, size = _examine(draft, name=name)
            uploads.keep(draft, blob, at=at)
        kept = uploads.wrap_key(blob.key, upload=upload_id, at=at)
    except (uploads.NotKept, uploads.BlobDamaged, ledger.KeyMissing) as error:
        raise Unavailable("file", _NOT_KEPT) from error
    width, height = size or (None, None)
    # A body can take its time: what it came in by is looked at again, and one after the other the room that there is.
    with ledger.transaction():
        _require_room(person)
        return Upload.objects.create(
            pk=upload_id,
            person=person,
            name=name,
            type=media_type,
            size_bytes=blob.size_bytes,
            sha256=blob.sha256,
            blob=blob.digest,
            width=width,
            height=height,
            bucket=kept.bucket,
            wrapped=kept.wrapped,
            at=at,
        )


def give_up(person: Person, *, upload_id: UUID, at: datetime | None = None) -> None:
    """Remove a file that one has uploaded and not posted. Raises NotFound."""
    with ledger.transaction():
        upload = Upload.objects.filter(pk=upload_id, person=person).first()
        if upload is None:
            raise NotFound
        uploads.give_up([upload.blob], at=at or timezone.now())
        upload.delete()


def sweep(*, at: datetime | None = None) -> int:
    """Forget files that were never posted, and remove what nobody wants. Returns how many blobs went."""
    at = at or timezone.now()
    Upload.objects.filter(at__lt=at - uploads.LIFETIME).delete()
    return uploads.sweep(at=at)


# --- into a message --------------------------------------------------------------------------------------------------
def clean_ids(wanted: object) -> tuple[UUID, ...]:
    """Return the ids of a post's files; raises Invalid with what is allowed."""
    if not isinstance(wanted, list | tuple) or len(wanted) > MOST_IN_A_MESSAGE:
        raise Invalid(FIELD, f"attachments is a list of at most {MOST_IN_A_MESSAGE} upload ids.")
    try:
        ids = tuple(one if isinstance(one, UUID) else UUID(str(one)) for one in wanted)
    except ValueError as error:
        raise Invalid(FIELD, "An upload id is a UUID.") from error
    if len(set(ids)) != len(ids):
        raise Invalid(FIELD, "The same file is attached twice.")
    return ids


def require_durable(person: Person, ids: Collection[UUID]) -> None:
    """Ask the store for every file, before the transaction: no network inside. Raises Invalid, Unavailable.

    Ids that are unknown are not judged here: a repeated post must get its answer although its files wait no more.
    """
    for upload in Upload.objects.filter(pk__in=ids, person=person) if ids else ():
        try:
            is_kept = uploads.is_kept(upload.blob, size_bytes=upload.size_bytes)
        except uploads.NotKept as error:
            raise Unavailable(FIELD, _NOT_KEPT) from error
        if not is_kept:
            raise Invalid(FIELD, f"“{upload.name}” is not there any more. Attach it again.")


def take_waiting(person: Person, ids: Sequence[UUID], *, at: datetime) -> tuple[Attachment, ...]:
    """Return the files for the entry, in the order wanted, and take them out of those that wait.

    Inside `ledger.transaction()`: of two posts that want one file, the second finds nothing. Raises Invalid.
    """
    if not ids:
        return ()
    found = {row.pk: row for row in Upload.objects.filter(pk__in=ids, person=person, at__gte=at - uploads.LIFETIME)}
    if len(found) != len(ids):
        raise Invalid(FIELD, "A file is unknown, not yours, posted already or older than a day. Attach it again.")
    files = tuple(_file_of(found[pk]) for pk in ids)
    Upload.objects.filter(pk__in=ids).delete()
    return files


def name_in_record(files: Sequence[Attachment], *, seq: int) -> None:
    """Tie the files to the entry that names them, in its transaction."""
    if not files:
        return
    try:
        uploads.claim(files, seq=seq)
    except uploads.NotClaimed as error:
        raise Invalid(FIELD, "A file is not there any more. Attach it again.") from error


def shown_files(files: Sequence[Attachment]) -> list[dict[str, Any]]:
    """Return what a message's row says of its files: what clients are told (docs/protocol.md)."""
    return [
        {"id": place, "name": f.name, "type": f.type, "size": f.size_bytes, "width": f.width, "height": f.height}
        for place, f in enumerate(files)
    ]


# --- out -------------------------------------------------------------------------------------------------------------
# rule: us-hipaa-access
def access_file(person: Person, conversation_id: int, n: int, place: int) -> StoredFile:
    """Return a file of a message that the person may read now; what was removed is as absent as what never was."""
    _, message = access_message(person, conversation_id, n)
    if message.state != Message.SHOWN or place >= len(message.attachments):
        raise NotFound
    return file_of_entry(message.seq, place)


def file_of_entry(seq: int, place: int) -> StoredFile:
    """Return a file that an entry names, from the record itself. Raises NotFound, Conflict."""
    try:
        files = events.attachments_of(ledger.open_entry(seq).content)
    except ledger.EntryNotFound as error:
        raise NotFound from error
    except (ledger.KeyMissing, ledger.NotOpened, events.BadAttachment) as error:
        raise Conflict(None, "This file cannot be opened any more.") from error
    if place >= len(files):
        raise NotFound
    return StoredFile(files[place])


def _require_welcome(person: Person, name: str) -> None:
    if not person.can("chat"):
        raise NotAllowed
    if filetypes.is_run_by_name(name):
        raise Invalid("file", f"“{name}” could be run as a program, and is not taken.")
    _require_room(person)


def _require_room(person: Person) -> None:
    if Upload.objects.filter(person=person).count() >= MOST_WAITING:
        raise Conflict("file", f"{MOST_WAITING} files are waiting to be posted already: post or remove some.")


def _copy(source: Source, draft: uploads.Draft) -> None:
    while piece := source.read(PIECE_BYTES):
        draft.write(piece)
        if draft.size_bytes > largest_file_bytes():
            raise too_large()
    if not draft.size_bytes:
        raise Invalid("file", "The file is empty.")


def _examine(draft: uploads.Draft, *, name: str) -> tuple[str, tuple[int, int] | None]:
    file = io.BufferedReader(draft.reader())
    media_type = filetypes.sniff(file, name=name)
    if media_type not in (settings.ONRECORD_ATTACHMENT_TYPES or filetypes.ALLOWED) or media_type == filetypes.UNKNOWN:
        kind = "" if media_type == filetypes.UNKNOWN else f" ({media_type})"
        raise Invalid("file", f"“{name}” is of a kind that the firm does not take{kind}.")
    if media_type not in filetypes.IMAGES:
        return media_type, None
    try:
        return media_type, filetypes.read_image_size(file, media_type=media_type)
    except filetypes.NotAnImage as error:
        raise Invalid("file", f"“{name}” is not taken: {error}.") from error


def _file_of(upload: Upload) -> Attachment:
    kept = uploads.KeptKey(upload.bucket, bytes(upload.wrapped))
    try:
        key = uploads.unwrap_key(kept, upload=upload.pk)
    except (ledger.KeyMissing, ledger.NotOpened) as error:
        raise Invalid(FIELD, f"“{upload.name}” cannot be opened any more. Attach it again.") from error
    return Attachment(
        name=upload.name,
        type=upload.type,
        size_bytes=upload.size_bytes,
        sha256=upload.sha256,
        blob=upload.blob,
        key=key.hex(),
        width=upload.width,
        height=upload.height,
    )


def _telling(pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except (uploads.BlobMissing, uploads.BlobDamaged, uploads.NotKept) as error:
        raise Unavailable(None, _NOT_READ) from error
