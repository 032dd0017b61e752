"""The head of the record: its lock, its identity, and the keys that belong to it.

It must not make keys for a record that exists: a record whose keys are gone is a fault to show, not to paper over.
"""

from functools import lru_cache

from django.conf import settings
from django.db import connection

from archive import checkpoint, merkle
from archive.keys import KeyStore, confirm_protection, create_keystore, open_keystore
from archive.ledger.errors import ForeignRecord, NotInTransaction
from archive.ledger.guarding import kept_note, refuse_behind, refuse_put_back
from archive.models import Checkpoint, Head
from archive.statements import Question, fetch_together, is_postgres

_COLUMNS = ("id", "origin", "verifier_key", "size", "frontier")


def lock_head(*, is_bounded: bool = False) -> Head:
    """Return the head's row, locked until the transaction ends; the first call of a new record makes row and keys.

    The lock makes appends one after another: sequence numbers, stream numbers and previous hashes are read under it.
    SQLite has no row locks, there the settings make every transaction take the one write lock as it begins.
    With `is_bounded` PostgreSQL ends the session that says nothing for ONRECORD_STANDSTILL_S while it has the lock. Not
    for a transaction that changes files as well: a process that goes on afterwards would change them without the lock.
    Raises NotInTransaction, ForeignRecord (BehindGuard where the database was put back), KeyMissing.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction(
            "An entry is written inside the transaction of what it records: use transaction.atomic()."
        )
    head = _locked(is_bounded=is_bounded) or _found()
    _refuse_foreign(head)
    refuse_behind(size=head.size, verifier_key=head.verifier_key)
    return head


def signed_frontier(head: Head) -> merkle.Frontier:
    """Return the frontier to build on, once our own signature stands under its tree. Raises ForeignRecord.

    Whoever writes into the database could else change the latest entries, put the frontier of the changed tree into
    the head and wait: the next append would sign it, and no check could tell.
    """
    try:
        frontier = merkle.Frontier.from_bytes(bytes(head.frontier), size=head.size)
        signed = _signed_root(head) if head.size else frontier.root()
    except ValueError as error:
        raise ForeignRecord(f"The head of the record cannot be built on: {error}. Run `record check`.") from error
    if frontier.root() != signed:
        raise ForeignRecord("The head of the record is not what its checkpoint signed. Run `record check`.")
    return frontier


def keystore() -> KeyStore:
    return open_keystore(settings.ONRECORD_KEY_DIR)


def stream_id(name: str) -> str:
    """Return the id that a stream has in the leaves. Raises KeyMissing.

    It follows from the name and a key: whoever can rename the rows of streams does not decide what is found under it.
    """
    return keystore().stream_id(name, origin=settings.ONRECORD_ORIGIN)


def verifier_key() -> str:
    """Return the text of the key that checkpoints are verified with, to be published out of band."""
    if Head.objects.exists():
        return keystore().verifier_key(settings.ONRECORD_ORIGIN)
    return create_keystore(settings.ONRECORD_KEY_DIR).verifier_key(settings.ONRECORD_ORIGIN)


def confirm_identity() -> None:
    """Raise ForeignRecord or KeyMissing where database, settings and keys do not belong together. For the start."""
    confirm_protection(settings.ONRECORD_KEY_DIR)
    kept = kept_note()  # before the head: we hold no lock
    head = Head.objects.filter(id=Head.ONLY).first()
    if head is None:
        refuse_put_back(kept, size=0, verifier_key="")
        return
    _refuse_foreign(head)
    refuse_put_back(kept, size=head.size, verifier_key=head.verifier_key)
    latest = Checkpoint.objects.order_by("-size").first()
    if latest is None:
        return
    try:
        checkpoint.verify(latest.note, verifier_key=head.verifier_key)
    except checkpoint.BadCheckpoint as error:
        raise ForeignRecord(f"The latest checkpoint is not one of this record: {error}.") from error


def _locked(*, is_bounded: bool) -> Head | None:
    # Past the ORM: building the query took a fifth of what a lone entry costs.
    columns, bound_ms = ", ".join(_COLUMNS), round(settings.ONRECORD_STANDSTILL_S * 1000)
    lock = " FOR UPDATE" if is_postgres() else ""
    # Until the transaction ends, by which the setting goes back.
    bound = f", set_config('idle_in_transaction_session_timeout', '{bound_ms}', true)" if lock and is_bounded else ""
    statement = f"SELECT {columns}{bound} FROM archive_head WHERE id = %s{lock}"  # noqa: S608 (names of the model)
    [found] = fetch_together([Question(statement, (Head.ONLY,))])  # together with the BEGIN
    return Head.from_db(connection.alias, _COLUMNS, found[0][: len(_COLUMNS)]) if found else None


def _found() -> Head:
    keys = create_keystore(settings.ONRECORD_KEY_DIR)
    origin: str = settings.ONRECORD_ORIGIN
    first = Head(origin=origin, verifier_key=keys.verifier_key(origin), frontier=b"")
    # Two first entries may meet here: one row is made, and both then wait for its lock.
    Head.objects.bulk_create([first], ignore_conflicts=True)
    return Head.objects.select_for_update().get(id=Head.ONLY)


def _refuse_foreign(head: Head) -> None:
    origin: str = settings.ONRECORD_ORIGIN
    if head.origin != origin:
        raise ForeignRecord(f"The database holds the record of {head.origin}, but ONRECORD_ORIGIN is {origin}.")
    if head.verifier_key != _verifier_key(keystore(), origin):
        raise ForeignRecord(
            f"The record was signed with another key than the one in {settings.ONRECORD_KEY_DIR} (ONRECORD_KEY_DIR)."
        )


@lru_cache(maxsize=4)
def _verifier_key(keys: KeyStore, origin: str) -> str:
    return keys.verifier_key(origin)


def _signed_root(head: Head) -> bytes:
    """Return the root that the checkpoint of the head's size signs. Raises BadCheckpoint where there is none."""
    note = Checkpoint.objects.filter(size=head.size).values_list("note", flat=True).first()
    if note is None:
        raise checkpoint.BadCheckpoint(f"there is no checkpoint of {head.size} entries")
    statement = checkpoint.verify(note, verifier_key=head.verifier_key)
    if statement.size != head.size:
        raise checkpoint.BadCheckpoint(f"the checkpoint of {head.size} entries signs {statement.size}")
    return statement.root
