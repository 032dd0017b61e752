"""Evidence from outside: what somebody else than us says about the record, collected, recorded and shown.

The record proves itself against everybody who does not hold its signing key; against who does, only what others keep
helps. It must not call the outside world inside a transaction, and must not take anything that it did not verify.
"""

from archive.evidence.copying import copy_checkpoint
from archive.evidence.mailing import mail_checkpoint
from archive.evidence.runs import SealedRun, SealedRuns, sealed_runs
from archive.evidence.stamping import StampCheck, check_stamps, stamp_checkpoint, stamped_at, write_stamps
from archive.evidence.standing import EvidenceKind, EvidenceStatus, status
from archive.evidence.witnessing import collect_cosignatures

__all__ = [
    "EvidenceKind",
    "EvidenceStatus",
    "SealedRun",
    "SealedRuns",
    "StampCheck",
    "check_stamps",
    "collect_cosignatures",
    "copy_checkpoint",
    "mail_checkpoint",
    "sealed_runs",
    "stamp_checkpoint",
    "stamped_at",
    "status",
    "write_stamps",
]
