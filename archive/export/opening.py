"""Open the content of entries for an export, a batch in two queries; what cannot be opened is told, not raised.

Danger: it hands out words and the keys of their commitments. It opens exactly the entries it is given, and what it
says about those that stay closed names no key and no file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from archive import ledger, sealing
from archive.canonical import Json
from archive.ledger.head import keystore
from archive.ledger.reading import place_of
from archive.models import Entry, RecordKey

KEY_GONE = "its key is gone"
NOT_SEALED = "its content is not what was sealed"

Fields = dict[str, Json]  # name -> {"key": hex, "value": …}


@dataclass(frozen=True)
class Batch:
    """What was opened, and why the rest was not, by number in the record."""

    opened: dict[int, Fields]
    closed: dict[int, str]


def open_batch(seqs: Sequence[int]) -> Batch:
    """Open the entries of these numbers, each as far as it can be."""
    batch = Batch({}, {})
    keys = RecordKey.objects.in_bulk(seqs) if seqs else {}
    for row in Entry.objects.filter(seq__in=seqs):
        try:
            batch.opened[row.seq] = _open(row, keys.get(row.seq))
        except ledger.KeyMissing:
            batch.closed[row.seq] = KEY_GONE
        except (ledger.NotOpened, ledger.NotCanonical):
            batch.closed[row.seq] = NOT_SEALED
    return batch


def _open(row: Entry, key: RecordKey | None) -> Fields:
    if key is None:
        raise ledger.KeyMissing("The record key is gone.")
    place = place_of(row)
    bucket_key = keystore().bucket_key(row.bucket)
    record_key = sealing.unwrap_record_key(bytes(key.wrapped), bucket_key=bucket_key, place=place)
    content = sealing.unseal(bytes(row.ciphertext), record_key=record_key, place=place)
    keys = sealing.commitment_keys(content, record_key=record_key)
    return {name: {"key": keys[name].hex(), "value": value} for name, value in content.items()}
