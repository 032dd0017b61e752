"""The fast check: that the leaves, byte for byte, are those under the latest signed checkpoint.

It proves less than check(), and whoever shows its result must say so: it does not open contents, and does not look at
keys, search rows, stream ends, tiles and earlier checkpoints. What it does prove needs no trust in any stored hash.
"""

import hashlib
from collections.abc import Callable

from django.conf import settings
from django.db import connection

from archive import checkpoint, merkle
from archive.keys import KeyMissing
from archive.ledger.breaking import guard_problem
from archive.ledger.findings import CheckReport, Findings
from archive.ledger.head import keystore
from archive.ledger.rows import UNREADABLE
from archive.models import Checkpoint, Head, Leaf

PAGE = 4096

Progress = Callable[[int, int], None]


def check_leaves(*, on_progress: Progress | None = None) -> CheckReport:
    """Hash every leaf up to the latest checkpoint, compare the root with the signed one, and ask the guard."""
    findings = Findings()
    if behind := guard_problem():
        findings.add(None, behind)
    promised = Head.objects.values_list("size", flat=True).first() or 0
    signed = _signed(findings)
    if signed is None:
        if promised:
            findings.add(None, "There is no good checkpoint to compare the leaves with.")
        return findings.report(0)
    if signed.size < promised:
        findings.add(signed.size, "No signed checkpoint covers the record from here on.")
    frontier = _hash_leaves(signed.size, findings=findings, on_progress=on_progress)
    if frontier.size == signed.size and frontier.root() != signed.root:
        findings.add(None, f"The leaves do not have the root that the checkpoint of {signed.size} signs.")
    return findings.report(frontier.size)


def _signed(findings: Findings) -> checkpoint.Statement | None:
    note = Checkpoint.objects.order_by("-size").values_list("note", flat=True).first()
    if note is None:
        return None
    try:
        return checkpoint.verify(note, verifier_key=keystore().verifier_key(settings.ONRECORD_ORIGIN))
    except KeyMissing as error:
        findings.add(None, f"The signature cannot be checked without the keys. {error}")
    except checkpoint.BadCheckpoint as error:
        findings.add(None, f"The latest checkpoint is not good: {error}.")
    return None


def _hash_leaves(size: int, *, findings: Findings, on_progress: Progress | None) -> merkle.Frontier:
    """Return the tree over the leaves from 0 on; it ends early where one is missing, which is noted."""
    frontier = merkle.Frontier()
    while frontier.size < size:
        first, end = frontier.size, min(frontier.size + PAGE, size)
        hashes = _page(first, end, findings=findings)
        frontier.extend(hashes)
        if len(hashes) < end - first:
            findings.add(frontier.size, f"Entry {frontier.size} is missing, or its leaf cannot be read.")
            break
        if on_progress:
            on_progress(frontier.size, size)
    return frontier


def _page(first: int, end: int, *, findings: Findings) -> list[bytes]:
    """Return the leaf hashes from `first` on, up to the first number that is not there or holds no bytes."""
    try:
        rows = _read(first, end)
    except UNREADABLE:
        return []
    hashes = []
    for seq, (number, data, stored) in enumerate(rows, start=first):
        if number != seq or type(data) is not bytes:
            break
        digest = hashlib.sha256(b"\x00" + data).digest()
        if digest != stored:
            findings.add(seq, "The leaf's bytes do not have the stored hash.")
        hashes.append(digest)
    return hashes


def _read(first: int, end: int) -> list[tuple[object, object, object]]:
    with connection.cursor() as cursor:
        statement = f"SELECT seq, data, hash FROM {Leaf._meta.db_table} WHERE seq >= %s AND seq < %s ORDER BY seq"  # noqa: S608 (our table)
        cursor.execute(statement, [first, end])
        return list(cursor.fetchall())
