"""Celery's way to the periodic work of the record; each task is two lines."""

from celery import current_app, shared_task
from celery.signals import worker_init
from django.db import connection
from django.utils import timezone

from archive import catalog, evidence, holds, ledger, outbox, retention, rotation, segments


@worker_init.connect
def confirm_identity(**_: object) -> None:
    """Stop a worker whose database, settings and keys do not belong together, with a sentence, as `serve` stops."""
    try:
        ledger.confirm_identity()
    except (ledger.KeyMissing, ledger.ForeignRecord) as error:
        raise SystemExit(str(error)) from error  # an exception would only be logged


@worker_init.connect
def close_pool(**_: object) -> None:
    """Leave no pool behind that look: the worker's start takes its connections away, and every task would wait."""
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]  # of Django's PostgreSQL backend


@shared_task(name="archive.nudge")
def nudge(box: str) -> None:
    """Look through an outbox that something was put into, as its sweep does."""
    current_app.tasks[outbox.task_of(box)].run()


@shared_task(name="archive.collect_evidence")
def collect_evidence() -> None:
    """Let those outside attest the latest checkpoint, and give them a copy."""
    evidence.collect_cosignatures(at=timezone.now())
    evidence.copy_checkpoint(at=timezone.now())
    evidence.mail_checkpoint(at=timezone.now())


@shared_task(name="archive.stamp_checkpoint")
def stamp_checkpoint() -> None:
    """Have the latest checkpoint stamped; on its own, so that a slow authority holds up nothing else."""
    evidence.stamp_checkpoint(at=timezone.now())


@shared_task(name="archive.seal_segments")
def seal_segments() -> None:
    """Put what is due into the segment store."""
    segments.seal_segments(at=timezone.now())


@shared_task(name="archive.check_segments")
def check_segments() -> None:
    """Read a few sealed segments back and compare them."""
    segments.check_segments(at=timezone.now())


@shared_task(name="archive.finish_disposals")
def finish_disposals() -> None:
    """Destroy keys that a stop left after a disposal; put what is newly held under its hold's key; end a rotation."""
    retention.finish_disposals(timezone.now())
    holds.protect_held()
    rotation.finish_rotation(timezone.now())


@shared_task(name="archive.take_fingerprint")
def take_fingerprint() -> None:
    """Record how the database's fences are."""
    catalog.take_fingerprint(at=timezone.now())


@shared_task(name="archive.keep_guard")
def keep_guard() -> None:
    """Tell the rollback guard what its limit of writes held back."""
    ledger.keep_latest()
