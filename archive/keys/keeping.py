"""A look at a whole key store: which keys there are and whether each one opens.

It must not keep a key that it opened, and must not change anything.
"""

from dataclasses import dataclass
from pathlib import Path

from archive.keys.custody import Custody
from archive.keys.files import KeyMissing
from archive.keys.store import OWN_KEYS, current_kek, key_files, read_wrapped, ring_of


@dataclass(frozen=True)
class Survey:
    """Names only. `unopened` are the files whose key does not open; those of buckets are in `buckets` as well."""

    kek: str
    protection: str
    shortcoming: str
    buckets: frozenset[str]
    unopened: tuple[str, ...]


def survey(folder: Path, *, custody: Custody) -> Survey:
    """Open every key of a store once. Raises KeyMissing where its current KEK cannot even be named or described."""
    ring, kek = ring_of(folder, custody=custody), current_kek(folder)
    names = {path: context.decode() for path, context in key_files(folder).items()}
    unopened = []
    for path, name in names.items():
        try:
            ring.unwrap(read_wrapped(folder, path), context=name.encode())
        except KeyMissing:
            unopened.append(name)
    return Survey(
        kek=kek,
        protection=ring.protection(kek),
        shortcoming=ring.shortcoming(kek),
        buckets=frozenset(names.values()) - frozenset(OWN_KEYS),
        unopened=tuple(sorted(unopened)),
    )
