"""Make the packages that were approved. The row is the truth: whoever claims it works on it, a task only nudges.

Must not make anything that is not approved, and must not hand anything out. Each try writes into a folder of its own,
so a worker that lost its lease can neither mix with nor replace what the next one makes.
"""

import shutil
from datetime import datetime
from pathlib import Path

import structlog
from django.conf import settings
from django.utils import timezone

from admin_portal.models import ExportRequest
from admin_portal.scopes import read_scope
from admin_portal.work import MOST_TRIES, LeaseLost, claim, pause_before
from archive import events, ledger
from archive.events import SYSTEM, Json
from archive.export.package import Package, make

log = structlog.get_logger(__name__)


class WorkerDied(Exception):
    """Every try so far ended with its worker and without a word; there is no use in another one."""


def make_due_exports(*, at: datetime | None = None) -> int:
    """Make every package that is due, one after the other; returns how many were worked on."""
    done = 0
    while export := claim(
        ExportRequest, ready=ExportRequest.APPROVED, busy=ExportRequest.MAKING, at=at or timezone.now()
    ):
        make_export(export, at=at)
        done += 1
    return done


def make_export(export: ExportRequest, *, at: datetime | None = None) -> None:
    """Make one claimed package. A failure is put back for later, and after the last try it is told to the asker."""
    folder = folder_of(export)
    try:
        if export.tries > MOST_TRIES:
            raise WorkerDied
        package = _make_package(export, folder, at=at or timezone.now())
        _finish(export, package, at=at or timezone.now())
    except LeaseLost:
        log.warning("export_lease_lost", export=export.pk)
        shutil.rmtree(folder, ignore_errors=True)
    except Exception as error:  # whatever went wrong, the asker must not wait for ever without being told
        log.exception("export_failed", export=export.pk, tries=export.tries)
        shutil.rmtree(folder, ignore_errors=True)
        _put_back(export, why=type(error).__name__, at=at or timezone.now())


def remove_leftovers() -> None:
    """Delete the folders of tries that nobody needs: taken, given up, or of a worker that died."""
    root = Path(settings.ONRECORD_EXPORT_DIR)
    # Folders first, rows second: a folder seen here had its token committed before, so no worker's folder is missed.
    folders = list(root.glob("export-*-*"))
    needed = ExportRequest.objects.filter(state__in=(ExportRequest.MAKING, ExportRequest.READY))
    names = {folder_of(export).name for export in needed.exclude(lease_token=None)}
    for folder in folders:
        if folder.name not in names:
            shutil.rmtree(folder, ignore_errors=True)


def folder_of(export: ExportRequest) -> Path:
    """Return the folder of the export's last try, where its package lies when it is ready."""
    return Path(settings.ONRECORD_EXPORT_DIR) / f"export-{export.pk}-{export.lease_token}"


def _make_package(export: ExportRequest, folder: Path, *, at: datetime) -> Package:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return make(
        read_scope(export.scope).for_archive(),
        export_id=export.pk,
        requester=export.asked_by.as_actor(),
        approvals=_approvals(export),
        purpose=export.purpose,
        at=at,
        folder=folder,
    )


def _approvals(export: ExportRequest) -> list[dict[str, Json]]:
    if export.decided_by is None or export.decided_at is None:
        raise ValueError(f"export {export.pk} was never approved")
    return [{"by": export.decided_by.as_actor().as_json(), "at": export.decided_at.isoformat()}]


def _finish(export: ExportRequest, package: Package, *, at: datetime) -> None:
    with ledger.transaction():
        _settle(
            export,
            state=ExportRequest.READY,
            due_at=None,
            leased_until=None,
            path=str(package.path),
            digest=package.digest,
            size_bytes=package.size_bytes,
            entries=package.entries,
            made_at=at,
            error="",
        )
        ledger.record(
            events.ExportMade(
                stream="system",
                actor=SYSTEM,
                at=at,
                export=export.pk,
                digest=package.digest,
                size_bytes=package.size_bytes,
                entries=package.entries,
            )
        )


def _put_back(export: ExportRequest, *, why: str, at: datetime) -> None:
    with ledger.transaction():
        if export.tries < MOST_TRIES:
            _settle(export, state=ExportRequest.APPROVED, due_at=at + pause_before(export.tries), error=why)
            return
        _settle(export, state=ExportRequest.FAILED, due_at=None, error=why)
        ledger.record(events.ExportFailed(stream="system", actor=SYSTEM, at=at, export=export.pk, reason=why))


def _settle(export: ExportRequest, **fields: object) -> None:
    """Change the row only while our lease token stands in it; raises LeaseLost otherwise."""
    ours = ExportRequest.objects.filter(pk=export.pk, state=ExportRequest.MAKING, lease_token=export.lease_token)
    if not ours.update(**fields):
        raise LeaseLost
