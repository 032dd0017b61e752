"""Cosignatures of our checkpoints: ask each witness about the latest one and record what it signed.

The call to the witness is outside any transaction; what comes back is verified, then row and entry are one commit.
"""

from datetime import datetime

from archive import events, ledger
from archive.cosignature import Cosignature
from archive.evidence import sources
from archive.models import Witnessed
from archive.witness.asking import WitnessAddress, WitnessAway, WitnessRefused, ask
from archive.witness.configuration import configured_witnesses

WITNESS = "witness"


def collect_cosignatures(*, at: datetime) -> int:
    """Ask every witness that has not seen the latest entries; return how many cosigned. Safe to call again."""
    witnesses = configured_witnesses()
    if not witnesses or ledger.is_empty():
        return 0
    latest = ledger.latest_checkpoint()
    return sum(_collect(witness, latest=latest, at=at) for witness in witnesses)


def _collect(witness: WitnessAddress, *, latest: ledger.SignedCheckpoint, at: datetime) -> bool:
    seen = _last_size(witness.name, upto=latest.size)
    if not sources.has_news(since_size=seen, size=latest.size):
        return False
    try:
        cosignature = ask(witness, note=latest.note, old_size=seen, prove=ledger.Prover(latest.size).consistency)
    except (WitnessAway, WitnessRefused) as error:
        sources.note_problem(witness.name, kind=WITNESS, at=at, problem=str(error))
        return False
    return _record(cosignature, latest=latest, at=at)


def _record(cosignature: Cosignature, *, latest: ledger.SignedCheckpoint, at: datetime) -> bool:
    witness, line, size = cosignature.witness, cosignature.line, latest.size
    event = events.CheckpointWitnessed(
        stream="system",
        actor=events.SYSTEM,
        at=at,
        size=size,
        root=latest.root.hex(),
        witness=witness,
        cosignature=line,
    )
    row = Witnessed(size=size, witness=witness, cosignature=line, at=at)
    seen = Witnessed.objects.filter(witness=witness, size=size)
    return sources.record_once(event, row=row, unless=seen, source=witness, kind=WITNESS)


def _last_size(witness: str, *, upto: int) -> int:
    # A row of a larger record than ours is nothing that we wrote: it must not keep us from asking.
    row = Witnessed.objects.filter(witness=witness, size__lte=upto).order_by("-size").first()
    return row.size if row else 0
