"""A place in the record up to which a check found nothing wrong, kept in a file so that a broken-off check can go on.

It must not hide a fault: a place is kept only while nothing was found, and it is signed with the log key, so that who
can write the file but holds no keys cannot make a check skip entries. What is changed behind the place after it was
kept is found by the next check from the beginning.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PURPOSE = b"onrecord check\n"  # no checkpoint begins so: a signature under a place is none under a checkpoint
EVERY_PAGES = 50


class BadPlace(ValueError):
    """The file is not a place that a check of this record kept; begin from the start without it."""


@dataclass(frozen=True)
class Place:
    """What a check knows after `size` sound entries: hashes in hex, streams as id to (n, leaf hash).

    `gone` are spans of entries without a key of which no disposal has been seen yet.
    """

    origin: str
    size: int
    last_signed_size: int
    tile_count: int
    frontier: str
    tiles: list[list[str]]
    streams: dict[str, tuple[int, str]]
    gone: list[tuple[int, int]] = field(default_factory=list)


class PlaceFile:
    """The file of one check. `every_pages` says how often the place is written."""

    def __init__(self, path: Path, *, every_pages: int = EVERY_PAGES) -> None:
        self._path = path
        self._every_pages = every_pages
        self._pages = 0

    def load(self, *, origin: str, key: Ed25519PrivateKey) -> Place | None:
        """Return the place, None where there is no file. Raises BadPlace."""
        if not self._path.exists():
            return None
        signature, _, data = self._path.read_bytes().partition(b"\n")
        try:
            key.public_key().verify(bytes.fromhex(signature.decode("ascii")), PURPOSE + data)
            place = Place(**json.loads(data))
        except (InvalidSignature, ValueError, TypeError) as error:
            raise BadPlace(f"{self._path} was not written by a check of this record.") from error
        if place.origin != origin:
            raise BadPlace(f"{self._path} was written by a check of the record of {place.origin}.")
        return place

    def is_due(self) -> bool:
        """Count a page; say whether the place is to be written after it."""
        self._pages += 1
        return self._pages % self._every_pages == 0

    def keep(self, place: Place, *, key: Ed25519PrivateKey) -> None:
        data = json.dumps(asdict(place), sort_keys=True).encode()
        draft = self._path.with_name(f".{self._path.name}.draft")
        with draft.open("wb") as file:
            file.write(key.sign(PURPOSE + data).hex().encode() + b"\n" + data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    def forget(self) -> None:
        """Remove the file: the check came to its end."""
        self._path.unlink(missing_ok=True)
