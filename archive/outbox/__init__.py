"""Outboxes: work that waits in rows of the database, done by one worker at a time, with an end that a person can see.

Principle: the row is the truth. Whoever claims it holds a lease with a token; a worker whose lease ended writes nothing
any more. What fails is tried again after a pause that grows, and after its last try it is parked, with the reason.
It must not know what the work is, write entries, or take a lock for longer than a claim: work is done outside of it.
"""

from archive.outbox.backoff import Backoff
from archive.outbox.boxes import LeaseLost, Outbox
from archive.outbox.figures import Figures, figures_of
from archive.outbox.holding import Hold
from archive.outbox.nudges import NUDGES_LOST, NUDGES_SENT, carry_nudges, nudge
from archive.outbox.registry import outbox_named, register, registered, task_of
from archive.outbox.rows import Leased, due_index, parked_index, parked_rests

__all__ = [
    "NUDGES_LOST",
    "NUDGES_SENT",
    "Backoff",
    "Figures",
    "Hold",
    "LeaseLost",
    "Leased",
    "Outbox",
    "carry_nudges",
    "due_index",
    "figures_of",
    "nudge",
    "outbox_named",
    "parked_index",
    "parked_rests",
    "register",
    "registered",
    "task_of",
]
