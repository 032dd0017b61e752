"""Retention: how long entries are kept, and their disposal by destroying keys.

Danger: what is disposed of cannot be brought back by anybody. So two people ask for it, a preview shows it, nothing
goes before its time or while a hold covers it, and the entry that says what went is committed with the deletion.
"""

from archive.retention.choosing import DisposalRefused
from archive.retention.derived import Erased, register_files, register_rows
from archive.retention.disposing import Disposed, dispose_expired, erase
from archive.retention.finishing import finish_disposals, rewrite_tables, unfinished_problem
from archive.retention.preview import Preview, preview_erasure, preview_expired

__all__ = [
    "DisposalRefused",
    "Disposed",
    "Erased",
    "Preview",
    "dispose_expired",
    "erase",
    "finish_disposals",
    "preview_erasure",
    "preview_expired",
    "register_files",
    "register_rows",
    "rewrite_tables",
    "unfinished_problem",
]
