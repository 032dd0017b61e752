"""Comparing the record with a checkpoint that left the house before: the evidence against who holds all our keys.

A record that was cut back, restored from an old dump, or rewritten and signed again agrees with itself; it cannot agree
with what others hold. It must not trust a stored checkpoint: only entries count, and only the note that was brought.
"""

from archive import checkpoint, ledger
from archive.checkpoint import Statement
from archive.models import Head


class Contradicted(Exception):
    """The record is not the one that the published checkpoint signed; the message says how it shows."""


def require_contained(note: str) -> Statement:
    """Return what a published checkpoint of this record says, once the record still begins with those entries.

    The root is taken from the stored hashes, so it proves as much as the check of the record beside it, which compares
    them with the entries. Raises Contradicted; BadCheckpoint where our key did not sign the note.
    """
    statement = checkpoint.verify(note, verifier_key=ledger.verifier_key())
    head = Head.objects.first()
    size = head.size if head else 0
    if size < statement.size:
        raise Contradicted(f"The record has {size} entries, but {statement.size} were signed: it was cut back.")
    if ledger.Prover(statement.size).root() != statement.root:
        raise Contradicted(f"The first {statement.size} entries are not those that were signed: they were rewritten.")
    return statement
