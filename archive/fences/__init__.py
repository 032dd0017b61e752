"""Fences in the database around the record: what refuses ordinary programs, and notices when a fence was moved.

A fence stops accidents and whoever holds the app's password. It is no evidence: who owns the database takes it down,
and `record check` must then still find what was done. It must not decide what is true.
"""

from archive.fences.authorizer import fence_connection, fences_lifted, lift, put_back
from archive.fences.expected import missing_fences
from archive.fences.roles import acting_as_purger, grant_rights

__all__ = [
    "acting_as_purger",
    "fence_connection",
    "fences_lifted",
    "grant_rights",
    "lift",
    "missing_fences",
    "put_back",
]
