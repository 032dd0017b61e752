"""Copies of our checkpoints by mail: whoever receives them can hold the record against them later.

It must not mail anything but the signed note, which says nothing about content. That the mail server took it is all
that is known: nobody can tell from here whether a copy was kept.
"""

import smtplib
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage

from archive import events, ledger
from archive.evidence import sources
from archive.models import Mailed

MAIL = "mail"
HOW_TO_USE = """
Keep this message. It is the signed checkpoint of our record of conversations: an attachment of a few lines that names
how many entries there were, and a hash over all of them. Should the record ever be cut or rewritten, even by somebody
who holds our keys, `manage.py record compare` with this attachment shows it.
"""


def mail_checkpoint(*, at: datetime) -> bool:
    """Mail the latest checkpoint where there is anything new and the last mail is old enough; return whether it was.

    Safe to call again: a stop between mail and entry sends the same checkpoint once more.
    """
    addresses: list[str] = settings.ONRECORD_COPY_MAIL
    if not addresses or ledger.is_empty():
        return False
    latest = ledger.latest_checkpoint()
    if not _is_due(size=latest.size, at=at):
        return False
    try:
        _message(latest, addresses=addresses).send()
    except (smtplib.SMTPException, OSError) as error:
        sources.note_problem(MAIL, kind=MAIL, at=at, problem=f"The mail server did not take it: {error}.")
        return False
    _record(latest, addresses=addresses, at=at)
    return True


def _is_due(*, size: int, at: datetime) -> bool:
    last = Mailed.objects.order_by("-size").first()
    if last is None:
        return True
    is_old = at - last.at >= timedelta(seconds=settings.ONRECORD_COPY_MAIL_S)
    return is_old and sources.has_news(since_size=last.size, size=size)


def _message(latest: ledger.SignedCheckpoint, *, addresses: list[str]) -> EmailMessage:
    subject = f"Checkpoint of {settings.ONRECORD_ORIGIN}: {latest.size} entries"
    message = EmailMessage(subject=subject, body=f"{HOW_TO_USE}\n{latest.note}", to=addresses)
    # The attachment has the exact bytes; the text may be wrapped or re-encoded on its way.
    message.attach(f"checkpoint-{latest.size}.txt", latest.note.encode(), "application/octet-stream")
    return message


def _record(latest: ledger.SignedCheckpoint, *, addresses: list[str], at: datetime) -> None:
    event = events.CheckpointMailed(
        stream="system",
        actor=events.SYSTEM,
        at=at,
        size=latest.size,
        root=latest.root.hex(),
        addresses=tuple(addresses),
    )
    seen = Mailed.objects.filter(size=latest.size)
    sources.record_once(event, row=Mailed(size=latest.size, at=at), unless=seen, source=MAIL, kind=MAIL)
