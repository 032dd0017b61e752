"""Make the packages that were approved: an outbox, whose rows are the truth; a task only nudges.

Must not make anything that is not approved, and must not hand anything out. Each try writes into a folder of its own,
so a worker that lost its lease can neither mix with nor replace what the next one makes. Worst case: the package of a
row that is ready is deleted. So once it may be ready, its row alone decides.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from admin_portal.models import ExportRequest
from admin_portal.scopes import read_scope
from archive import events, ledger
from archive.events import SYSTEM, Json
from archive.export.package import Package, make
from archive.outbox import Backoff, Hold, LeaseLost, Outbox
from archive.outbox import register as register_outbox

RENEW_EVERY_S = 30.0


def _tell_failure(export: ExportRequest, why: str, at: datetime) -> None:
    ledger.record(events.ExportFailed(stream="system", actor=SYSTEM, at=at, export=export.pk, reason=why))


EXPORTS = Outbox[ExportRequest](
    name="exports",
    title="Export packages",
    task="admin_portal.make_exports",
    rows=lambda: ExportRequest.objects.filter(
        state__in=(ExportRequest.APPROVED, ExportRequest.MAKING, ExportRequest.FAILED)
    ),
    describe=lambda export: f"Export {export.pk}",
    lease=timedelta(minutes=30),
    most_tries=3,
    backoff=Backoff(first=timedelta(seconds=20), longest=timedelta(minutes=10)),
    when_waiting={"state": ExportRequest.APPROVED},
    when_leased={"state": ExportRequest.MAKING},
    when_parked={"state": ExportRequest.FAILED},
    transaction=ledger.transaction,
    on_parked=_tell_failure,
)


def register() -> None:
    register_outbox(EXPORTS)


def make_due_exports(*, at: datetime | None = None) -> int:
    """Make every package that is due, one after the other; returns how many were made."""
    return EXPORTS.work_off(make_export, at=at or timezone.now())


def make_export(export: ExportRequest) -> None:
    """Make one claimed package. What is raised before it is whole leaves no file behind."""
    folder = folder_of(export)
    with _deleted_on(BaseException, folder=folder):
        package = _make_package(export, folder, at=timezone.now())
    # Whatever else is raised here, the commit may stand although its answer never came: see remove_leftovers.
    with _deleted_on(LeaseLost, folder=folder):
        _finish(export, package, at=timezone.now())


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


@contextmanager
def _deleted_on(error: type[BaseException], *, folder: Path) -> Iterator[None]:
    try:
        yield
    except error:
        shutil.rmtree(folder, ignore_errors=True)
        raise


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
        on_progress=Hold(EXPORTS, export, every_s=RENEW_EVERY_S).go_on,
    )


def _approvals(export: ExportRequest) -> list[dict[str, Json]]:
    if export.decided_by is None or export.decided_at is None:
        raise ValueError(f"export {export.pk} was never approved")
    return [{"by": export.decided_by.as_actor().as_json(), "at": export.decided_at.isoformat()}]


def _finish(export: ExportRequest, package: Package, *, at: datetime) -> None:
    with ledger.transaction():
        EXPORTS.finish(
            export,
            state=ExportRequest.READY,
            lease_token=export.lease_token,  # it names the folder
            path=str(package.path),
            digest=package.digest,
            size_bytes=package.size_bytes,
            entries=package.entries,
            made_at=at,
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
