"""The first way out when a database was put back: what came after it is taken from the segment store again.

Everything is one transaction under the head's lock: either the record ends as the store has it, whole and verified, or
nothing was written. It must not take a segment that the database, the guard's checkpoint or a witness contradicts.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import transaction

from archive import checkpoint, cosignature, events, guard, ledger, merkle, purging, spans
from archive.canonical import Json
from archive.checkpoint import BadCheckpoint, Statement
from archive.events import Disposal
from archive.ledger.disposals import read_claim
from archive.ledger.guarding import accepted_loss
from archive.ledger.head import keystore, signed_frontier
from archive.ledger.rebuilding import rebuild
from archive.models import Head, RecordKey
from archive.retention import derived
from archive.segments import record_keys, restoring
from archive.segments.bag import Run
from archive.segments.names import SEALED, SegmentName
from archive.segments.reading import SealedEntry, VerifiedBag, opened_segment
from archive.segments.restoring import BRING_KEYS, RefillRefused
from archive.segments.standing import stored_names
from archive.witness.configuration import configured_witnesses
from archive.worm.stores import Store, StoreRefused


@dataclass
class Refill:
    """What a refill did. `problem` is why the ledger still does not write, "" where it does."""

    before: int
    size: int
    taken: list[SegmentName] = field(default_factory=list)
    without_key: list[int] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    witnessed: int = 0  # the largest size that a witness of the settings cosigned, among what was taken
    problem: str = ""


# rule: us-sec-17a-4-redundancy
def refill(store: Store, *, at: datetime) -> Refill:
    """Bring the record up to what the store has, and what is derived from it as far as it can be.

    Raises RefillRefused, StoreAway, StoreRefused, KeyMissing, ForeignRecord, OSError.
    """
    done = _refill(store)
    done.problem = ledger.guard_problem()
    if not done.problem:
        with ledger.transaction():
            ledger.record(
                events.RecordRefilled(
                    stream="system",
                    actor=events.SYSTEM,
                    at=at,
                    before=done.before,
                    size=done.size,
                    segments=tuple(str(name) for name in done.taken),
                    without_key=len(done.without_key),
                )
            )
    return done


def _refill(store: Store) -> Refill:
    token = accepted_loss.set(_guard_note())
    try:
        with transaction.atomic():
            return _Filling(store, head=_head()).fill()
    finally:
        accepted_loss.reset(token)


class _Filling:
    """One refill: where the record stands, and what was restored so far."""

    def __init__(self, store: Store, *, head: Head) -> None:
        self._store = store
        self._head = head
        self._frontier = signed_frontier(head)
        self._contents: list[tuple[SealedEntry, dict[str, Json]]] = []
        self._unfit: set[SegmentName] = set()
        self._done = Refill(before=head.size, size=head.size)

    def fill(self) -> Refill:
        there = stored_names(self._store)
        while candidates := [name for name in there if self._may_follow(name)]:
            if not any(self._take(name) for name in sorted(candidates, key=_preference)):
                break
        if not self._done.taken:
            raise RefillRefused(self._why_nothing(there))
        self._settle()
        return self._done

    def _may_follow(self, name: SegmentName) -> bool:
        return name.first <= self._frontier.size < name.size and name not in self._unfit

    def _take(self, name: SegmentName) -> bool:
        """Take a segment, or note why it is left out: one bad file in the store must not keep the others away."""
        try:
            with opened_segment(self._store, name) as bag:
                problem = self._contradiction(bag)
                if not problem:
                    self._restore(name, bag)
                    return True
        except StoreRefused as error:
            problem = str(error)
        self._unfit.add(name)
        self._done.left_out.append(f"{name}: {problem.rstrip('.')}")
        return False

    def _restore(self, name: SegmentName, bag: VerifiedBag) -> None:
        run = Run(self._frontier.size, bag.run.size)
        if (gap := record_keys.first_gap(run)) is not None:
            raise RefillRefused(f"The key folder has no record keys from entry {gap} on. {BRING_KEYS}")
        kept = record_keys.read(run)
        entries = bag.entries(start=run.first)
        restored = restoring.restore_entries(entries, head=self._head, frontier=self._frontier, kept=kept)
        if restored.at is None or self._frontier.root() != bag.root_of(bag.run.size):
            raise RefillRefused(f"{name} did not give the root that it is signed with.")
        self._restore_checkpoints(bag, at=restored.at)
        self._contents += restored.contents
        self._done.without_key += restored.without_key
        self._done.taken.append(name)
        self._done.size = self._frontier.size
        self._done.witnessed = max([self._done.witnessed, *_cosigned_sizes(restored.contents)])

    def _contradiction(self, bag: VerifiedBag) -> str:
        """Say why this segment does not continue what we have, or is not what the guard knows; "" where it does."""
        size = self._frontier.size
        if size and bag.root_of(size) != self._frontier.root():
            return f"its first {size} entries are not those of the database"
        note = _guard_note()
        kept = checkpoint.parse(note) if note else None
        if kept is not None and size < kept.size <= bag.run.size and bag.root_of(kept.size) != kept.root:
            return f"the guard knows another record of {kept.size} entries"
        return ""

    def _restore_checkpoints(self, bag: VerifiedBag, *, at: datetime) -> None:
        restoring.restore_checkpoint(bag.note, at=at)
        note = _guard_note()
        if note and checkpoint.parse(note).size <= bag.run.size:
            restoring.restore_checkpoint(note, at=at)

    def _settle(self) -> None:
        """Bring what is derived from entries up to them: evidence, files, disposals, rows of other rooms."""
        restoring.restore_what_entries_say(self._contents)
        restoring.renew_record_keys(record_keys.read(Run(0, self._done.before)))
        for entry, content in self._contents:
            if entry.leaf.kind == Disposal.kind:
                _dispose_again(entry, content)
        rebuild(first=self._done.before, size=self._done.size)

    def _why_nothing(self, there: list[SegmentName]) -> str:
        if self._done.left_out:
            return f"No segment fits. {' '.join(self._done.left_out)}"
        last = max((name.size for name in there), default=0)
        return f"The store has nothing after the {self._frontier.size} entries that the database has (up to {last})."


def _preference(name: SegmentName) -> tuple[bool, int]:
    """Sort sealed segments before tails, which may overlap them, and long ones before short ones."""
    return name.kind != SEALED, -name.size


def _head() -> Head:
    """Return the head's row, locked; a database without a record gets the one of this record."""
    head = Head.objects.select_for_update().filter(id=Head.ONLY).first()
    if head is None:
        origin: str = settings.ONRECORD_ORIGIN
        head = Head(origin=origin, verifier_key=keystore().verifier_key(origin), frontier=merkle.Frontier().to_bytes())
        head.save(force_insert=True)
    return head


def _guard_note() -> str:
    try:
        note = guard.read(settings.ONRECORD_GUARD)
        if note:
            checkpoint.verify(note, verifier_key=keystore().verifier_key(settings.ONRECORD_ORIGIN))
    except (guard.GuardUnreadable, BadCheckpoint) as error:
        raise RefillRefused(f"{settings.ONRECORD_GUARD} is no checkpoint of this record: {error}.") from error
    return note


def _cosigned_sizes(contents: list[tuple[SealedEntry, dict[str, Json]]]) -> list[int]:
    """Return the sizes that witnesses of the settings cosigned. Raises RefillRefused for those of another record."""
    keys = {witness.name: witness.verifier_key for witness in configured_witnesses()}
    sizes = []
    for entry, content in contents:
        key, size = keys.get(str(content.get("witness"))), content.get("size")
        if entry.leaf.kind != events.CheckpointWitnessed.kind or key is None or not isinstance(size, int):
            continue
        statement = Statement(settings.ONRECORD_ORIGIN, size, bytes.fromhex(str(content["root"])))
        try:
            cosignature.verify(str(content["cosignature"]), statement=statement, verifier_key=key)
        except BadCheckpoint as error:
            raise RefillRefused(f"Entry {entry.leaf.seq} has a cosignature that is none: {error}.") from error
        if ledger.Prover(size).root() != statement.root:
            raise RefillRefused(f"A witness cosigned another record of {size} entries than the store has.")
        sizes.append(size)
    return sizes


def _dispose_again(entry: SealedEntry, content: dict[str, Json]) -> None:
    """Take away what a disposal took away and the database that was put back has again."""
    claim = read_claim(content, seq=entry.leaf.seq, at=ledger.open_entry(entry.leaf.seq).at)
    for first, last in spans.merged(claim.entries):
        seqs = list(RecordKey.objects.filter(seq__range=(first, last)).values_list("seq", flat=True))
        if seqs:
            purging.delete(seqs)
            derived.erase_rows(seqs)
