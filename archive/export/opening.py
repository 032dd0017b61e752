"""Open the content of entries for an export, a batch in two queries; what cannot be opened is told, not raised.

Danger: it hands out words and the keys of their commitments. It opens exactly the entries it is given, and what it
says about those that stay closed names no key and no file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from archive import ledger, sealing
from archive.canonical import Json
from archive.ledger.disposals import disposed_by
from archive.ledger.opening import content_of, place_of, unwrap
from archive.models import Entry, RecordKey

KEY_GONE = "its key is gone"
NOT_SEALED = "its content is not what was sealed"

Fields = dict[str, Json]  # name -> {"key": hex, "value": …}


@dataclass(frozen=True)
class Batch:
    """What was opened, and why the rest was not, by number in the record.

    `disposed` names, for those that were disposed of, the entry that says so.
    """

    opened: dict[int, Fields]
    closed: dict[int, str]
    disposed: dict[int, int]


def open_batch(seqs: Sequence[int]) -> Batch:
    """Open the entries of these numbers, each as far as it can be."""
    keys = RecordKey.objects.in_bulk(seqs) if seqs else {}
    batch = Batch({}, {}, disposed_by(seq for seq in seqs if seq not in keys))
    for row in Entry.objects.filter(seq__in=seqs):
        try:
            batch.opened[row.seq] = _open(row, keys.get(row.seq))
        except ledger.KeyMissing:
            batch.closed[row.seq] = _why_gone(batch.disposed.get(row.seq))
        except (ledger.NotOpened, ledger.NotCanonical):
            batch.closed[row.seq] = NOT_SEALED
    return batch


def _why_gone(disposal: int | None) -> str:
    return KEY_GONE if disposal is None else f"it was disposed of, as entry {disposal} says"


def _open(row: Entry, key: RecordKey | None) -> Fields:
    if key is None:
        raise ledger.KeyMissing("The record key is gone.")
    record_key = unwrap(key, place=place_of(row))
    content = content_of(row, record_key=record_key)
    keys = sealing.commitment_keys(content, record_key=record_key)
    return {name: {"key": keys[name].hex(), "value": value} for name, value in content.items()}
