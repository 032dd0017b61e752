"""Fetch a file of somebody else's message. Each fetch is an entry before the first byte leaves.

Read from the record, not from the chat's rows. Who may is decided as for the message itself.
"""

from datetime import datetime

from django.utils import timezone

from admin_portal.access import access_report, require
from admin_portal.looks import Line, Look, read_look
from admin_portal.purposes import clean_purpose
from admin_portal.queue import purpose_of_report
from archive import events, ledger
from messenger.conversations.attachments import StoredFile, file_of_entry
from messenger.people.errors import NotFound
from messenger.people.models import Person


# rule: us-hipaa-audit-controls
def open_file(by: Person, *, purpose: str, seq: int, place: int, at: datetime | None = None) -> StoredFile:
    """Return a file of the message in entry `seq`. Raises NotFound, Conflict, Invalid (`purpose`)."""
    with ledger.transaction():
        by = require(by, "record.open")
        look = read_look(seq)
        return _fetch(by, look, look.target, place=place, purpose=clean_purpose(purpose), at=at)


def open_reported_file(by: Person, *, report_id: int, seq: int, place: int, at: datetime | None = None) -> StoredFile:
    """Return a file of a reported message or of one shown beside it; the report is the purpose. Raises as open_file."""
    with ledger.transaction():
        by = require(by, "reports.view")
        report = access_report(by, report_id)
        look = read_look(report.message.seq)
        line = next((line for line in look.lines if line.seq == seq), None)
        if line is None:
            raise NotFound
        return _fetch(by, look, line, place=place, purpose=purpose_of_report(report), at=at)


def _fetch(by: Person, look: Look, line: Line, *, place: int, purpose: str, at: datetime | None) -> StoredFile:
    stored = file_of_entry(line.seq, place)
    ledger.record(
        events.AttachmentOpened(
            stream=f"person:{by.pk}",
            actor=by.as_actor(),
            at=at or timezone.now(),
            purpose=purpose,
            seq=line.seq,
            conversation=f"conversation:{look.conversation_id}" if look.conversation_id is not None else "",
            n=line.n,
            author=line.author_id,
            attachment=place,
            sha256=stored.file.sha256,
        )
    )
    return stored
