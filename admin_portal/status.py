"""How the record stands: size, last checkpoint, keys, evidence from outside, checks and alarms. No content here."""

import hashlib
from dataclasses import dataclass

from django.utils import timezone

from admin_portal.access import require
from admin_portal.checks import last_moment
from admin_portal.models import RecordCheck
from archive import ledger
from archive.evidence import EvidenceStatus, SealedRuns, sealed_runs
from archive.evidence import status as evidence_status
from archive.rotation import KeyAges, key_ages
from messenger.people.models import Person

CHECKS_SHOWN = 30


@dataclass(frozen=True)
class RecordStatus:
    """What the record page shows. `checkpoint` is the signed note as it is published."""

    size: int
    root: str
    checkpoint: str
    verifier_key: str  # "" where the key store cannot be read
    evidence: EvidenceStatus
    segments: SealedRuns
    keys: KeyAges | None  # None where the key store cannot be read
    checks: tuple[RecordCheck, ...]  # the last ones, the newest first
    is_checked_nightly: bool

    @property
    def last_check(self) -> RecordCheck | None:
        return self.checks[0] if self.checks else None


def record_status(by: Person) -> RecordStatus:
    """Return how the record stands; raises NotFound for those who may not know."""
    require(by, "record.status")
    checkpoint, now = ledger.latest_checkpoint(), timezone.now()
    return RecordStatus(
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        checkpoint=checkpoint.note,
        verifier_key=_verifier_key(),
        evidence=evidence_status(at=now),
        segments=sealed_runs(at=now),
        keys=_keys(),
        checks=tuple(RecordCheck.objects.select_related("asked_by")[:CHECKS_SHOWN]),
        is_checked_nightly=last_moment(now) is not None,
    )


def _verifier_key() -> str:
    try:
        return ledger.verifier_key()
    except ledger.KeyMissing:
        return ""


def _keys() -> KeyAges | None:
    try:
        return key_ages()
    except ledger.KeyMissing:
        return None


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
