"""How the record stands: size, last checkpoint, key to publish, evidence from outside, checks that somebody asked for.

No content here. A check reads the whole record, so it runs in the background and can be left.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.utils import timezone

from admin_portal.access import require
from admin_portal.models import RecordCheck
from admin_portal.work import MOST_TRIES, claim
from archive import events, ledger
from archive.evidence import EvidenceStatus
from archive.evidence import status as evidence_status
from messenger.people.models import Person

PROBLEMS_SHOWN = 20
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RecordStatus:
    """What the record page shows. `checkpoint` is the signed note as it is published."""

    size: int
    root: str
    checkpoint: str
    verifier_key: str
    evidence: EvidenceStatus
    last_check: RecordCheck | None


def record_status(by: Person) -> RecordStatus:
    """Return how the record stands; raises NotFound for those who may not know."""
    require(by, "record.status")
    checkpoint = ledger.latest_checkpoint()
    return RecordStatus(
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        checkpoint=checkpoint.note,
        verifier_key=ledger.verifier_key(),
        evidence=evidence_status(at=timezone.now()),
        last_check=RecordCheck.objects.select_related("asked_by").first(),
    )


@dataclass(frozen=True)
class Evidence:
    """How one entry stands in the record: its leaf hash, and the path of hashes from it to a signed checkpoint."""

    seq: int
    leaf_hash: str
    size: int
    root: str
    path_length: int


def evidence_of(seq: int) -> Evidence:
    """Return how an entry is proved under the last checkpoint. No content."""
    checkpoint = ledger.latest_checkpoint()
    return Evidence(
        seq=seq,
        leaf_hash=hashlib.sha256(b"\x00" + ledger.leaf_text(seq).encode()).hexdigest(),
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        path_length=len(ledger.prove(seq, size=checkpoint.size)),
    )


def request_check(by: Person, *, at: datetime | None = None) -> RecordCheck:
    """Ask for a full check; asking again while one's own runs gives that one."""
    at = at or timezone.now()
    with ledger.transaction():
        by = require(by, "record.status")
        running = RecordCheck.objects.filter(asked_by=by, state__in=(RecordCheck.WAITING, RecordCheck.RUNNING))
        return running.first() or RecordCheck.objects.create(asked_by=by, asked_at=at, due_at=at)


def run_due_checks(*, at: datetime | None = None) -> int:
    """Run every check that is due, one after the other; returns how many."""
    done = 0
    while check := claim(RecordCheck, ready=RecordCheck.WAITING, busy=RecordCheck.RUNNING, at=at or timezone.now()):
        run_check(check)
        done += 1
    return done


def run_check(check: RecordCheck) -> None:
    """Run one claimed check and record what it found."""
    ours = RecordCheck.objects.filter(pk=check.pk, state=RecordCheck.RUNNING, lease_token=check.lease_token)
    if check.tries > MOST_TRIES:
        ours.update(state=RecordCheck.FAILED, done_at=timezone.now())
        return
    report = ledger.check_all()
    problems = [_sentence(problem) for problem in report.problems[:PROBLEMS_SHOWN]]
    at = timezone.now()
    with ledger.transaction():
        is_ours = ours.update(
            state=RecordCheck.DONE, done_at=at, size=report.size, is_sound=report.is_sound, problems=problems
        )
        if not is_ours:
            log.warning("check_lease_lost", check=check.pk)
            return
        ledger.record(
            events.RecordChecked(
                stream="system",
                actor=check.asked_by.as_actor(),
                at=at,
                size=report.size,
                is_sound=report.is_sound,
                problems=tuple(problems),
            )
        )


def _sentence(problem: ledger.Problem) -> str:
    where = "The record as a whole" if problem.seq is None else f"Entry {problem.seq}"
    return f"{where}: {problem.what}"
