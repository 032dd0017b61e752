"""What a reading costs inside PostgreSQL: each of its statements asked again with its plan, its time and its blocks.

Counts work of the database server only; the time is that of planning and running, without the way there and back. Must
not hold a statement of its own.
"""

import json
import statistics
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.copies import TABLES

RUNS = 5
Figures = dict[str, Any]  # Any, here and below: plans and figures as they come


def in_server(act: Callable[[], object]) -> Figures:
    """Let it act, and return the time of its statements in the server, medians; and how they read what grows."""
    with CaptureQueriesContext(connection) as captured:
        act()
    asked = [query["sql"] for query in captured.captured_queries if query["sql"].startswith(("SELECT", "WITH"))]
    plans = [[_plan_of(statement) for _ in range(RUNS)] for statement in asked]
    nodes = [node for (plan, *_) in plans for node in _nodes(plan["Plan"]) if node.get("Relation Name") in TABLES]
    return {
        "server_ms": round(sum(statistics.median(map(_time_of, runs)) for runs in plans), 2),
        "blocks": sum(_blocks_of(runs[-1]) for runs in plans),
        "statements": len(asked),
        "ways": sorted({f"{node['Node Type']} {node.get('Index Name', '')}".strip() for node in nodes}),
        "rows": round(sum(_rows_of(node) for node in nodes)),
    }


def _plan_of(statement: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.replace('%', '%%')}", [])
        found = cursor.fetchone()[0]
    (plan,) = json.loads(found) if isinstance(found, str) else found
    return dict(plan)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _time_of(plan: dict[str, Any]) -> float:
    return float(plan["Planning Time"] + plan["Execution Time"])


def _blocks_of(plan: dict[str, Any]) -> int:
    return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])


def _rows_of(node: dict[str, Any]) -> float:
    """Return how many rows were taken, also those that a filter then left out."""
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])
