"""The plain values that the portal's API answers with, as `serializers` describes them. Must not fetch any content."""

from collections.abc import Iterable, Mapping
from typing import Any

from admin_portal.download import download_token
from admin_portal.labels import conversation_id_of, label_conversations
from admin_portal.looks import Line, Look
from admin_portal.models import ExportRequest
from admin_portal.queue import QueuePage
from admin_portal.snippets import pieces
from admin_portal.status import Evidence
from archive.search import Page
from messenger.conversations.models import MessageReport
from messenger.people.models import Person

Frame = dict[str, Any]  # Any: JSON


def hits_frame(page: Page) -> Frame:
    ids = {hit.seq: conversation_id_of(hit.stream) for hit in page.hits}
    labels = label_conversations(number for number in ids.values() if number is not None)
    results = [
        {
            "seq": hit.seq,
            "n": hit.n,
            "kind": hit.kind,
            "at": hit.at,
            "author": {"id": hit.actor_id, "name": hit.actor_name},
            "conversation": place_frame(ids[hit.seq], labels),
            "snippet": [{"text": piece.text, "is_marked": piece.is_marked} for piece in pieces(hit.snippet)],
        }
        for hit in page.hits
    ]
    return {"results": results, "next": page.next, "total": page.total, "is_total_exact": page.is_total_exact}


def look_frame(look: Look, evidence: Evidence) -> Frame:
    labels = label_conversations([look.conversation_id] if look.conversation_id else [])
    return {
        "entry": _line_frame(look.target),
        "before": [_line_frame(line) for line in look.before],
        "after": [_line_frame(line) for line in look.after],
        "conversation": place_frame(look.conversation_id, labels),
        "evidence": {
            "leaf_hash": evidence.leaf_hash,
            "checkpoint_size": evidence.size,
            "checkpoint_root": evidence.root,
        },
    }


def _line_frame(line: Line) -> Frame:
    return {
        "seq": line.seq,
        "n": line.n,
        "kind": line.kind,
        "at": line.at,
        "author": {"id": line.author_id, "name": line.author},
        "body": line.body,
        "attachments": list(line.files),
        "is_removed": line.is_removed,
        "is_disposed": line.is_disposed,
    }


def place_frame(number: int | None, labels: Mapping[int, str]) -> Frame | None:
    return None if number is None else {"id": number, "label": labels.get(number, "")}


def person_frame(person: Person | None) -> Frame | None:
    return None if person is None else {"id": f"person:{person.pk}", "name": person.name}


def export_frame(export: ExportRequest, *, viewer: Person, session: str) -> Frame:
    """Return an export; the token that downloads it only to its asker, once it is ready."""
    may_download = export.state == ExportRequest.READY and export.asked_by_id == viewer.pk
    return {
        "id": export.pk,
        "state": export.state,
        "purpose": export.purpose,
        "scope": export.scope,
        "asked_by": person_frame(export.asked_by),
        "asked_at": export.asked_at,
        "decided_by": person_frame(export.decided_by),
        "decided_at": export.decided_at,
        "refusal_reason": export.refusal_reason,
        "digest": export.digest,
        "size_bytes": export.size_bytes,
        "entries": export.entries,
        "download_token": download_token(export, session=session) if may_download else None,
    }


def queue_frame(page: QueuePage) -> Frame:
    return {"results": report_frames(page.reports), "next": page.next_after, "hidden": page.hidden}


def report_frames(reports: Iterable[MessageReport]) -> list[Frame]:
    rows = list(reports)
    labels = label_conversations(row.conversation_id for row in rows)
    return [
        {
            "id": row.pk,
            "state": row.state,
            "reason": row.reason,
            "comment": row.comment,
            "at": row.at,
            "reporter": person_frame(row.reporter),
            "conversation": place_frame(row.conversation_id, labels),
            "n": row.message.n,
            "decision_reason": row.decision_reason,
        }
        for row in rows
    ]
