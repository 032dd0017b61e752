"""The ledger: the only writer of the record, and the door by which it is read back, proved and checked.

Danger: an entry that is written can never be taken back, and an act that is not entered never happened. So entries are
written inside the transaction of the act itself, and nothing here deletes, changes or skips.
"""

from archive.canonical import NotCanonical
from archive.keys import KeyMissing
from archive.leaf import LeafTooLarge
from archive.ledger.appending import record, record_all, record_heads, transaction
from archive.ledger.breaking import guard_problem, record_break
from archive.ledger.check_blobs import check_blobs
from archive.ledger.check_leaves import check_leaves
from archive.ledger.checking import CheckReport, Problem, check
from archive.ledger.comparing import Recorded, check_all, check_without_files, compare, register_comparison
from archive.ledger.conditions import register_condition
from archive.ledger.entries import Receipt
from archive.ledger.errors import BehindGuard, EntryNotFound, ForeignRecord, NotBehind, NotInTransaction
from archive.ledger.fairness import FairQueue, QueueFull
from archive.ledger.group import NotRecorded, OutcomeUnknown
from archive.ledger.guarding import keep_latest
from archive.ledger.head import confirm_identity, verifier_key
from archive.ledger.measuring import HISTOGRAMS
from archive.ledger.proving import Prover, prove
from archive.ledger.readiness import key_problem
from archive.ledger.reading import (
    Opened,
    SignedCheckpoint,
    began_at,
    find_entry,
    head_leaf,
    heads,
    heads_root,
    is_empty,
    latest_checkpoint,
    leaf_text,
    open_entry,
    opened_fields,
    read_stream,
    stream_leaves,
)
from archive.ledger.rebuilding import register_rebuilding
from archive.ledger.resuming import BadPlace, PlaceFile
from archive.ledger.rows import Rows
from archive.ledger.rows import read_range as read_rows
from archive.ledger.writer import TooBusy, action, give_back_connection, hand_in, stop_writer, waiting
from archive.sealing import NotOpened

__all__ = [
    "HISTOGRAMS",
    "BadPlace",
    "BehindGuard",
    "CheckReport",
    "EntryNotFound",
    "FairQueue",
    "ForeignRecord",
    "KeyMissing",
    "LeafTooLarge",
    "NotBehind",
    "NotCanonical",
    "NotInTransaction",
    "NotOpened",
    "NotRecorded",
    "Opened",
    "OutcomeUnknown",
    "PlaceFile",
    "Problem",
    "Prover",
    "QueueFull",
    "Receipt",
    "Recorded",
    "Rows",
    "SignedCheckpoint",
    "TooBusy",
    "action",
    "began_at",
    "check",
    "check_all",
    "check_blobs",
    "check_leaves",
    "check_without_files",
    "compare",
    "confirm_identity",
    "find_entry",
    "give_back_connection",
    "guard_problem",
    "hand_in",
    "head_leaf",
    "heads",
    "heads_root",
    "is_empty",
    "keep_latest",
    "key_problem",
    "latest_checkpoint",
    "leaf_text",
    "open_entry",
    "opened_fields",
    "prove",
    "read_rows",
    "read_stream",
    "record",
    "record_all",
    "record_break",
    "record_heads",
    "register_comparison",
    "register_condition",
    "register_rebuilding",
    "stop_writer",
    "stream_leaves",
    "transaction",
    "verifier_key",
    "waiting",
]
