"""What the product's own statements make a database read: taken as they run, asked again for their plan and their work.

Work is counted, not timed: on PostgreSQL the rows that a plan takes from growing tables, whatever becomes of them; on
SQLite the steps of its virtual machine. Must not hold a statement of its own.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

# Tables that grow with what is said. People, conversations and their members are few beside them.
GROWING = (
    "messenger_message",
    "messenger_streamevent",
    "messenger_readmarker",
    "messenger_mention",
    "archive_document",
    "archive_entry",
    "archive_leaf",
)
STEPS_A_CALL = 5


@dataclass(frozen=True)
class Cost:
    """`work` in rows or steps; `scans` names the statements that read a growing table from end to end."""

    work: int
    scans: tuple[str, ...]


def cost_of(act: Callable[[], object]) -> Cost:
    """Let it act, and return what its statements cost that read growing tables."""
    with CaptureQueriesContext(connection) as captured:
        act()
    statements = [query["sql"] for query in captured.captured_queries if _reads_what_grows(query["sql"])]
    ask = _ask_postgres if connection.vendor == "postgresql" else _ask_sqlite
    costs = [ask(statement) for statement in statements]
    return Cost(sum(cost.work for cost in costs), tuple(name for cost in costs for name in cost.scans))


def renew_statistics() -> None:
    """Tell PostgreSQL's planner of the rows that are there now; SQLite's asks for none."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _reads_what_grows(statement: str) -> bool:
    return statement.startswith(("SELECT", "WITH")) and any(table in statement for table in GROWING)


def _ask_postgres(statement: str) -> Cost:
    with connection.cursor() as cursor:
        # A few hundred rows are read as a whole and sorted quickest; the question is whether there is another way.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement.replace('%', '%%')}", [])
        found = cursor.fetchone()[0]
        cursor.execute("SET LOCAL enable_seqscan = on")
        cursor.execute("SET LOCAL enable_bitmapscan = on")
    (plan,) = json.loads(found) if isinstance(found, str) else found
    nodes = [node for node in _nodes(plan["Plan"]) if node.get("Relation Name") in GROWING]
    scans = [f"{node['Relation Name']}: {statement}" for node in nodes if node["Node Type"] == "Seq Scan"]
    return Cost(sum(map(_rows_taken, nodes)), tuple(scans))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _rows_taken(node: dict[str, Any]) -> int:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return round((node["Actual Rows"] + removed) * node["Actual Loops"])


def _ask_sqlite(statement: str) -> Cost:
    calls = 0

    def count() -> int:
        nonlocal calls
        calls += 1
        return 0

    raw = connection.connection
    lines = [row[-1] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}")]
    raw.set_progress_handler(count, STEPS_A_CALL)
    try:
        raw.execute(statement).fetchall()
    finally:
        raw.set_progress_handler(None, STEPS_A_CALL)
    names = _names_in(statement)
    scans = [f"{line}: {statement}" for line in lines if (found := re.match(r"SCAN (\w+)", line)) and found[1] in names]
    return Cost(calls * STEPS_A_CALL, tuple(scans))


def _names_in(statement: str) -> set[str]:
    """Return the names by which a plan speaks of the growing tables of a statement: their own and their short ones."""
    short = re.findall(rf'"?({"|".join(GROWING)})"? (?:AS )?"?(\w+)"?', statement)
    return {*GROWING, *(name for _, name in short)}
