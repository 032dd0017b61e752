"""The disposals' part of the check: entries whose key is gone, held against what the record says was disposed of.

Gone with an entry that says so is as it should be, gone without one is a loss, and said to be gone while the key is
still there is a lie. It must not take a row's absence for a disposal, nor a disposal's word for an absence.
"""

from datetime import timedelta

from django.conf import settings

from archive import spans
from archive.canonical import Json, NotCanonical
from archive.events import Disposal, KeyDestroyed
from archive.keys import existing_keys
from archive.leaf import parse_time
from archive.ledger.disposals import Claim, names_in, read_claim
from archive.ledger.findings import LIMIT, Findings
from archive.models import RecordKey
from archive.spans import Span
from archive.terms import has_come

KINDS = frozenset({Disposal.kind, KeyDestroyed.kind})
# So long the files of destroyed keys may stay: the sweep that removes them comes every few minutes.
MOST_DELAY = timedelta(days=1)


class GoneCheck:
    """Gathers both sides as the check walks, in spans, and compares them at the end."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._gone: dict[str, list[Span]] = {}  # by bucket
        self._claims: list[Claim] = []
        self._destroyed: dict[str, int] = {}  # name of a key -> the entry that says so
        self.last_at = ""

    def note_gone(self, seq: int, *, bucket: str) -> None:
        """Note an entry whose key is not there. They come in ascending order."""
        gone = self._gone.setdefault(bucket, [])
        if gone and gone[-1][1] == seq - 1:
            gone[-1] = (gone[-1][0], seq)
        else:
            gone.append((seq, seq))

    def note_content(self, content: dict[str, Json], *, seq: int, kind: str, at: str) -> None:
        """Note what an entry of one of KINDS says."""
        if kind == KeyDestroyed.kind:
            self._destroyed |= dict.fromkeys(names_in(content.get("keys")), seq)
            return
        try:
            claim = read_claim(content, seq=seq, at=parse_time(at))
        except NotCanonical as error:
            self._findings.add(seq, f"{str(error).capitalize()}.")
            return
        if claim.entries and claim.entries[-1][1] >= seq:
            self._findings.add(seq, "The disposal names entries that it does not come after.")
        self._claims.append(claim)

    def unexplained(self) -> list[Span]:
        """Return the entries that are gone without a disposal, as far as the walk has come."""
        return spans.difference(self._every_gone(), self._claimed())

    def resume(self, unexplained: list[Span]) -> None:
        self._gone = {"": spans.merged(unexplained)}

    @property
    def disposed(self) -> int:
        return spans.count(self._every_gone()) - spans.count(self.unexplained())

    def finish(self) -> None:
        """Compare both sides. Call it under the head's lock: disposals go on while the check walks."""
        for first, last in self.unexplained():
            what = "its key is gone" if first == last else f"its key is gone, as those up to entry {last}"
            self._findings.add(first, f"The content cannot be opened: {what}, and no disposal says so.")
        gone = self._every_gone()
        for claim in self._claims:
            self._examine_claim(claim, gone=gone)
        self._examine_keys()

    def _claimed(self) -> list[Span]:
        return spans.merged(span for claim in self._claims for span in claim.entries)

    def _every_gone(self) -> list[Span]:
        return spans.merged(span for gone in self._gone.values() for span in gone)

    def _examine_claim(self, claim: Claim, *, gone: list[Span]) -> None:
        if not claim.is_by_two:
            self._findings.add(claim.seq, "The disposal was asked for and approved by the same person.")
        for bucket, of_bucket in self._gone.items():
            if bucket and not has_come(bucket, today=claim.at.date(), floor_years=claim.floor_years):
                self._examine_too_early(claim, of_bucket)
        for first, last in spans.difference(claim.entries, gone):
            rows = RecordKey.objects.filter(seq__range=(first, last)).order_by("seq")
            for seq in rows.values_list("seq", flat=True)[:LIMIT]:
                self._findings.add(seq, f"Entry {claim.seq} says that it was disposed of, but its key is there.")

    def _examine_too_early(self, claim: Claim, gone: list[Span]) -> None:
        """Look for entries among those that are gone that the claim took before it was their time."""
        if not claim.entries or gone[0][0] > claim.entries[-1][1] or gone[-1][1] < claim.entries[0][0]:
            return
        for first, last in spans.difference(gone, spans.difference(gone, claim.entries)):
            up_to = "" if first == last else f", as those up to entry {last}"
            self._findings.add(first, f"Entry {claim.seq} disposed of it before its time{up_to}.")

    def _examine_keys(self) -> None:
        doomed = {name: claim for claim in self._claims for name in claim.keys}
        there = existing_keys(settings.ONRECORD_KEY_DIR, doomed.keys() | self._destroyed.keys())
        for name in there:
            if name in self._destroyed:
                self._findings.add(
                    self._destroyed[name], f"It says that the key {name} was destroyed, but it is in the key store."
                )
            elif parse_time(self.last_at) - doomed[name].at > MOST_DELAY:
                self._findings.add(doomed[name].seq, f"The key {name} was to be destroyed, but is in the key store.")
