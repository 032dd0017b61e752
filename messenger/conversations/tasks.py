"""Celery's way to the sweeps of this room; each task is two lines."""

from celery import shared_task
from django.utils import timezone

from archive import ledger
from messenger.conversations import attachments, texts


@shared_task(name="messenger.release_texts")
def release_texts() -> None:
    """Send what is due and read what the carrier says of what was sent."""
    texts.send_due()
    texts.read_reports()


@shared_task(name="messenger.read_inbound_texts")
def read_inbound_texts() -> None:
    """Work through the journal of inbound texts."""
    texts.process_inbound()


@shared_task(name="messenger.sweep_uploads")
def sweep_uploads() -> None:
    """Remove files that nobody posted within a day, and those of entries that were disposed of."""
    attachments.sweep()


@shared_task(name="messenger.record_heads")
def record_heads() -> None:
    """Commit to the last item of every stream, so that exports can prove that nothing was left out."""
    ledger.record_heads(timezone.now())
