"""Kills a writer of the record at named points, and says what the record holds afterwards. A program of its own:

it forks a child for each kill, so nothing of the product is switched on or off; the child wraps the database's and the
system's own calls and sends itself SIGKILL at the k-th one. Prints one JSON line a point. Run by test_failpoints.py.
"""

import json
import os
import random
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.core.management import call_command
from django.db import connection

from archive import events, ledger
from archive.ledger.group import Group, Job
from archive.models import Leaf
from tests.archive.record_reset import reset_record

ALICE = events.Actor(id="person:1", name="Alice", role="employee")
FIRST_DAY = datetime(2026, 1, 1, 12, tzinfo=UTC)
KILLS_BETWEEN_RESETS = 5  # a record grown through several kills, but not so long that checking it takes over
MOST_BATCHES = 40


@dataclass(frozen=True)
class Point:
    """Where the writer dies: after the k-th statement that matches, or around another call. See `arm`."""

    name: str
    statement: str = ""  # a regular expression
    calls: tuple[str, ...] = ()  # of os
    commit: str = ""  # "before" or "after"
    is_before: bool = False
    batch: tuple[int, int] = (1, 8)  # how many entries one commit has
    most: int = 5  # k is from 1 to this


LINKS = ("link",)  # not "replace": with that the rollback guard is written, after the commit
# PostgreSQL takes the rows of a small commit as one statement: there the six points of rows are one, tried so often.
ROWS_OF = '(WITH part0 AS .*)?(INSERT INTO|COPY) "?archive_'
POINTS = (
    Point("head locked", statement="SELECT .*archive_head"),
    Point("key file drafted", calls=LINKS, is_before=True),
    Point("key file in place", calls=LINKS),
    Point("streams written", statement=f"{ROWS_OF}stream"),
    Point("leaves written", statement=f"{ROWS_OF}leaf"),
    Point("entries written", statement=f"{ROWS_OF}entry"),
    Point("keys written", statement=f"{ROWS_OF}recordkey"),
    Point("search words written", statement=f"{ROWS_OF}document"),
    Point("tile written", statement='INSERT INTO "?archive_tile', batch=(100, 200), most=1),
    Point("checkpoint written", statement=f"{ROWS_OF}checkpoint"),
    Point("before the commit", commit="before"),
    Point("committed, not acknowledged", commit="after"),
)


@dataclass
class Outcome:
    """What all kills at one point showed. `unacknowledged` counts entries that are there although nobody was told."""

    point: str
    kills: int = 0
    acknowledged: int = 0
    unacknowledged: int = 0
    faults: list[str] = field(default_factory=list)


class Death:
    """Counts down to the k-th call and ends the process there, as `kill -9` from outside would."""

    def __init__(self, k: int) -> None:
        self._left = k

    def approach(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(point: Point, *, death: Death, until: ExitStack) -> None:
    if point.statement:
        until.enter_context(connection.execute_wrapper(_dying_statement(point.statement, death)))
    for name in point.calls:
        setattr(os, name, _dying_call(getattr(os, name), death, is_before=point.is_before))
    if point.commit:
        wrapped = _dying_call(connection._commit, death, is_before=point.commit == "before")
        connection._commit = wrapped  # type: ignore[method-assign]  # the one place where every commit passes


def _dying_statement(pattern: str, death: Death) -> Callable[..., Any]:  # Any: whatever the driver returns
    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        result = run(sql, params, many, context)
        if re.match(pattern, sql.strip(), re.IGNORECASE | re.DOTALL):
            death.approach()
        return result

    return execute


def _dying_call(call: Callable[..., Any], death: Death, *, is_before: bool) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if is_before:
            death.approach()
        result = call(*args, **kwargs)
        if not is_before:
            death.approach()
        return result

    return wrapped


def write_until_killed(point: Point, *, dice: random.Random, day: int, acknowledge: int) -> None:
    """Append batch after batch, each on a new day, and tell the parent of each that was committed."""
    with ExitStack() as until:
        arm(point, death=Death(dice.randint(1, point.most)), until=until)
        for number in range(MOST_BATCHES):
            happened = list(_batch(dice.randint(*point.batch), at=FIRST_DAY + timedelta(days=day + number), dice=dice))
            receipts = _as_group(happened) if number % 2 else _as_one(happened)
            told = "".join(f"{receipt.seq} {receipt.leaf_hash.hex()}\n" for receipt in receipts)
            os.write(acknowledge, told.encode())


def _as_one(happened: list[events.Event]) -> list[ledger.Receipt]:
    with ledger.transaction():
        return ledger.record_all(happened)


def _as_group(happened: list[events.Event]) -> list[ledger.Receipt]:
    """Record each entry as an action of its own, all of them in one group, as the writer's thread does."""
    group = Group()
    for event in happened:
        group.join(Job(partial(ledger.record, event), name="record", context=copy_context()))
    group.write(group.jobs)
    group.tell()
    return [job.finish() for job in group.jobs]


def _batch(size: int, *, at: datetime, dice: random.Random) -> Iterator[events.Event]:
    for number in range(size):
        yield events.MessageCreated(
            stream=f"conversation:{dice.randrange(3)}",
            actor=ALICE,
            at=at,
            body=f"message {number}",
            client_key=f"{dice.random()}",
        )


def kill_once(point: Point, *, seed: str, day: int) -> list[tuple[int, str]]:
    """Fork a writer that dies at the point; return what it acknowledged. Raises where it did not die there."""
    connection.close()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            write_until_killed(point, dice=random.Random(seed), day=day, acknowledge=write)
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = [line.split() for line in pipe.read().splitlines()]
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        raise RuntimeError(f"{point.name}: the writer never came there, so nothing was shown")
    return [(int(seq), digest) for seq, digest in told]


def examine(outcome: Outcome, *, expected: dict[int, str], size_before: int) -> int:
    """Compare the record with what was acknowledged; return its size."""
    report = ledger.check()
    if not report.is_sound:
        outcome.faults.append(f"kill {outcome.kills}: {report.problems[0]}")
    rows = Leaf.objects.order_by("seq").values_list("seq", "hash")
    stored = {seq: bytes(digest).hex() for seq, digest in rows}
    if list(stored) != list(range(len(stored))):
        outcome.faults.append(f"kill {outcome.kills}: the numbers have a gap")
    lost = [seq for seq, digest in expected.items() if stored.get(seq) != digest]
    if lost:
        outcome.faults.append(f"kill {outcome.kills}: acknowledged entry {lost[0]} is missing")
    outcome.unacknowledged += sum(seq >= size_before and seq not in expected for seq in stored)
    return len(stored)


def try_point(point: Point, *, kills: int, seed: int) -> Outcome:
    outcome, expected, size = Outcome(point.name), dict[int, str](), 0
    for number in range(kills):
        if number % KILLS_BETWEEN_RESETS == 0:
            reset_record(connection)
            expected, size = {}, 0
        told = kill_once(point, seed=f"{seed} {point.name} {number}", day=number * MOST_BATCHES)
        expected |= dict(told)
        outcome.kills += 1
        outcome.acknowledged += len(told)
        size = examine(outcome, expected=expected, size_before=size)
    return outcome


def main() -> None:
    connection.settings_dict["OPTIONS"].pop("pool", None)  # connections of a pool would be shared with the children
    call_command("migrate", "archive", verbosity=0)
    kills, seed = int(sys.argv[1]), int(sys.argv[2])
    for point in POINTS:
        print(json.dumps(asdict(try_point(point, kills=kills, seed=seed))), flush=True)
