"""Hand a package out: once, to the one who asked for it, in the session whose page showed the link.

Principle: the entry is committed before the first byte leaves, so nobody has a package that the record does not name.
Worst case of a mistake: a package leaves twice, or to somebody else. It is deleted as it is handed out.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.core import signing
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from admin_portal.access import access_export, require
from admin_portal.making import folder_of
from admin_portal.models import ExportRequest
from archive import events, ledger
from messenger.people.errors import Conflict, NotAllowed
from messenger.people.models import Person, digest_of

_SALT = "admin_portal.download"


@dataclass(frozen=True)
class Handout:
    """An open package; its file has no name any more, so closing it is the end of it."""

    name: str
    size_bytes: int
    file: BinaryIO


def download_token(export: ExportRequest, *, session: str) -> str:
    """Return the token of the link for this export in this session (a session key, or a personal token's digest)."""
    return signing.Signer(salt=_SALT).signature(f"{export.pk}:{digest_of(session)}")


def download_export(by: Person, *, export_id: int, session: str, token: str, at: datetime | None = None) -> Handout:
    """Record the download and return the package. Raises NotAllowed for a link of another session or another's export,
    Conflict when it has been downloaded already, is not ready, or is no longer on the disk.
    """
    with ledger.transaction():
        by = require(by, "exports.download")
        export = access_export(by, export_id)
        _check_link(by, export, session=session, token=token)
        file = _open_package(export)
        try:
            _hand_over(by, export, session=session, at=at or timezone.now())
        except BaseException:
            file.close()
            raise
    shutil.rmtree(folder_of(export), ignore_errors=True)
    return Handout(name=f"onrecord-export-{export.pk}.zip", size_bytes=export.size_bytes, file=file)


def _check_link(by: Person, export: ExportRequest, *, session: str, token: str) -> None:
    if export.asked_by_id != by.pk:
        raise NotAllowed("Only the person who asked for an export downloads it.")
    if not constant_time_compare(token, download_token(export, session=session)):
        raise NotAllowed("This link belongs to another session. Open the export's page again and use the button there.")


def _open_package(export: ExportRequest) -> BinaryIO:
    if export.state == ExportRequest.DOWNLOADED:
        raise Conflict(None, "This package was downloaded already, and it is handed out once. Ask for a new export.")
    if export.state != ExportRequest.READY:
        raise Conflict(None, "This package is not ready.")
    path = Path(export.path)
    try:
        # Whoever writes into the database must not have another file handed out: a key, say.
        if path.parent != folder_of(export):
            raise FileNotFoundError(path)
        return path.open("rb")
    except OSError as error:
        raise Conflict(None, "The package is no longer on this server. Ask for a new export.") from error


def _hand_over(by: Person, export: ExportRequest, *, session: str, at: datetime) -> None:
    ready = ExportRequest.objects.filter(pk=export.pk, state=ExportRequest.READY)
    if not ready.update(state=ExportRequest.DOWNLOADED, downloaded_at=at, downloaded_in=digest_of(session)):
        raise Conflict(None, "This package was downloaded already, and it is handed out once. Ask for a new export.")
    ledger.record(
        events.ExportDownloaded(
            stream=f"person:{by.pk}", actor=by.as_actor(), at=at, export=export.pk, digest=export.digest
        )
    )
