"""Segments: runs of the record as BagIt bags in a store that keeps them from being changed (docs/record-format.md).

A segment has leaves, hashes, ciphertexts, the signed checkpoint and the evidence of its run, and no key to any content:
destroying a key stays destruction. Danger: what is in the store cannot be taken back for years, so a bag goes there
only once the verifier that anybody can run has accepted it.
"""

from archive.segments.checking import check_segments
from archive.segments.outbox import problem, seal_segments
from archive.segments.refilling import Refill, refill
from archive.segments.restoring import RefillRefused
from archive.worm.configuration import configured_store
from archive.worm.stores import StoreAway, StoreRefused

__all__ = [
    "Refill",
    "RefillRefused",
    "StoreAway",
    "StoreRefused",
    "check_segments",
    "configured_store",
    "problem",
    "refill",
    "seal_segments",
]
