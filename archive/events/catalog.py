"""The fences in the database, as they were found.

Events are plain values: no Django, and nothing that could change under them.
"""

from dataclasses import dataclass
from typing import ClassVar

from archive.canonical import Json
from archive.events.base import Event


@dataclass(frozen=True, kw_only=True)
class CatalogFingerprint(Event):
    """What the database's catalog says of triggers, functions, rights and roles, as digests of their definitions."""

    kind: ClassVar[str] = "catalog.fingerprint"
    digest: str  # hex, SHA-256 of the canonical JSON of all definitions
    migrations: int  # how many were applied
    changed: tuple[str, ...]  # names of what is new, gone or different since the fingerprint before
    unexplained: tuple[str, ...]  # names that changed without a migration and that nobody has accepted yet
    described_in: int  # the number in its stream of the fingerprint that has the definitions; its own when it has
    definitions: dict[str, Json]  # name -> hex SHA-256 of the definition; empty where nothing changed
    missing: tuple[str, ...] = ()  # names of fences that must be there and are not, changed or not


@dataclass(frozen=True, kw_only=True)
class CatalogAccepted(Event):
    """A person says why fences changed without a migration."""

    kind: ClassVar[str] = "catalog.accepted"
    names: tuple[str, ...]
    reason: str
