"""The hourly fingerprint of the database's fences, in the record: whoever moves a fence leaves a trace that stays.

A change that came with a migration is recorded; any other is a problem until a person says why it was made. A fence
that must be there and is not is a problem until it is, whatever anybody says. It must not repair a fence, and finds
nothing that was moved and put back between two looks: that is for the check of entries.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from archive import canonical, ledger
from archive.canonical import Json
from archive.events import SYSTEM, CatalogAccepted, CatalogFingerprint
from archive.fences import missing_fences
from archive.fences.catalog import count_migrations, describe
from archive.models import Stream

STREAM = "catalog"
EVERY = timedelta(minutes=55)  # less than the hour of the schedule, so that no beat is skipped
DESCRIBED_FOR = 24 * 30  # fingerprints after which the definitions are written again, so that they are never far back
NOBODY_KNOWS = "everything: the fingerprint before cannot be opened"


class NothingToAccept(Exception):
    """No fence changed that nobody has explained."""


@dataclass(frozen=True)
class _Known:
    """What the stream says last. `n` is its last number, the rest is of the last fingerprint, if it can be opened."""

    n: int
    at: datetime | None = None
    digest: str = ""
    migrations: int = 0
    described_in: int = 0
    unexplained: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def is_enough(self, digest: str, *, missing: tuple[str, ...], at: datetime) -> bool:
        """Say whether nothing changed and the hour is not over."""
        is_same = self.digest == digest and self.missing == missing
        return is_same and self.at is not None and at - self.at < EVERY


def take_fingerprint(*, at: datetime) -> bool:
    """Record how the fences are, if anything changed or an hour is over; return whether an entry was written."""
    definitions: dict[str, Json] = {name: _digest(text.encode()) for name, text in describe().items()}
    migrations, missing = count_migrations(), tuple(sorted(missing_fences()))
    with ledger.transaction():
        known = _known()
        digest = _digest(canonical.encode(definitions))
        if known is not None and known.is_enough(digest, missing=missing, at=at):
            return False
        found = _fingerprint(known, definitions, digest=digest, migrations=migrations, at=at)
        ledger.record(replace(found, missing=missing))
    return True


def accept_changes(*, reason: str, at: datetime) -> tuple[str, ...]:
    """Record why fences changed, and return which. Raises NothingToAccept."""
    with ledger.transaction():
        names = unexplained_changes()
        if not names:
            raise NothingToAccept("No fence changed without a migration.")
        ledger.record(CatalogAccepted(stream=STREAM, actor=SYSTEM, at=at, names=names, reason=reason))
    return names


def unexplained_changes() -> tuple[str, ...]:
    """Return the fences that changed without a migration and that nobody has explained."""
    known = _known()
    return known.unexplained if known else ()


def catalog_problem() -> str:
    """Return what is wrong with the fences as the last fingerprint has it, "" for nothing. For the portal."""
    known = _known()
    if known is None:
        return ""
    sentences = (
        _sentence("Fences of the database are not there", known.missing),
        _sentence("Fences of the database changed without a migration", known.unexplained),
    )
    return " ".join(sentence for sentence in sentences if sentence)


def _sentence(what: str, names: tuple[str, ...]) -> str:
    if not names:
        return ""
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{what}: {shown}. `manage.py fences` says more."


def _fingerprint(
    known: _Known | None, definitions: dict[str, Json], *, digest: str, migrations: int, at: datetime
) -> CatalogFingerprint:
    changed: tuple[str, ...] = ()
    unexplained = set(known.unexplained) if known else set()
    n = known.n + 1 if known else 1
    described_in = n
    if known is not None and known.digest != digest:
        changed = _changed(_described(known), definitions)
        is_explained = known.digest and known.migrations != migrations
        unexplained |= set() if is_explained else set(changed)
    elif known is not None and n - known.described_in < DESCRIBED_FOR:
        described_in = known.described_in
    return CatalogFingerprint(
        stream=STREAM,
        actor=SYSTEM,
        at=at,
        digest=digest,
        migrations=migrations,
        changed=changed,
        unexplained=tuple(sorted(unexplained)),
        described_in=described_in,
        definitions=definitions if described_in == n else {},
    )


def _known() -> _Known | None:
    n = Stream.objects.filter(name=STREAM).values_list("n", flat=True).first()
    if not n:
        return None
    last = _read(n)
    # An acceptance follows a fingerprint, and explains everything that is open in it.
    is_accepted = last is not None and last.kind == CatalogAccepted.kind
    fingerprint = _read(n - 1) if is_accepted else last
    if fingerprint is None:
        return _Known(n=n)
    content = fingerprint.content
    return _Known(
        n=n,
        at=fingerprint.at,
        digest=str(content.get("digest", "")),
        migrations=_number(content.get("migrations")),
        described_in=_number(content.get("described_in")),
        unexplained=() if is_accepted else _names(content.get("unexplained")),
        missing=_names(content.get("missing")),
    )


def _described(known: _Known) -> Mapping[str, Json] | None:
    """Return the definitions that the last fingerprint stands for, None where they cannot be read any more."""
    entry = _read(known.described_in) if known.described_in else None
    definitions = entry.content.get("definitions") if entry else None
    return definitions if isinstance(definitions, dict) else None


def _read(n: int) -> ledger.Opened | None:
    # The check of the record says what is wrong with an entry that cannot be opened; fences are looked at all the same.
    try:
        return ledger.find_entry(STREAM, n)
    except (ledger.KeyMissing, ledger.NotOpened):
        return None


def _number(value: Json | None) -> int:
    return value if isinstance(value, int) else 0


def _names(value: Json | None) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _changed(before: Mapping[str, Json] | None, now: Mapping[str, Json]) -> tuple[str, ...]:
    if before is None:
        return (NOBODY_KNOWS,)
    return tuple(sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
