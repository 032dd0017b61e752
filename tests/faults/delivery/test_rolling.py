"""A rolling restart of the nodes behind nginx, under load: nothing lost, nothing doubled, no error shown to anybody.

A client repeats what failed with the same client key, once; it has to succeed then. Control: the same load while both
nodes are down at once for a moment is refused more than once. Then the two nodes are killed in turn, while the other
one goes on with the same record.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from tests import services
from tests.faults.delivery.history import read_log
from tests.faults.delivery.rig import IS_LONG, Office, Rig, open_office, run_load
from tools import stack as stack_tool

pytestmark = [pytest.mark.backend("postgres"), pytest.mark.faults_only]
ROUNDS = 10 if IS_LONG else 1
KILLS = 20 if IS_LONG else 2
READERS, SENDERS = 12, 8


@pytest.fixture(scope="module")
def stack() -> Iterator[stack_tool.LocalStack]:
    if services.find_nginx() is None:
        pytest.skip("nginx is missing: apt-get install nginx-light")
    stack = stack_tool.new_stack(port=services.free_port())
    stack.environment["ONRECORD_TEST_HASHER"] = "true"
    stack.prepare()
    try:
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def office(stack: stack_tool.LocalStack) -> Office:
    """Return the office of the stack, which serves it from now on."""
    office = open_office(stack, people=READERS, conversations=4)
    stack.start()
    return office


def test_a_rolling_restart_is_not_noticed(stack: stack_tool.LocalStack, office: Office) -> None:
    async def scenario(rig: Rig) -> None:
        await begin(rig)
        for _ in range(ROUNDS):
            await rig.during("rolling restart", stack.restart_nodes)
            await rig.some_more(40)

    rig = run_load(stack, office, scenario, name="rolling")
    verdict, tries = rig.verdict(), failed_tries(rig)
    print(f"{ROUNDS} rolling restarts: {verdict.line()}; tries of one message that failed: {dict(tries)}")
    assert verdict.faults == []
    # Each device once in each round, and once more at the end of the run.
    assert verdict.counts["closed"] >= READERS * (ROUNDS + 1), "the sockets of both nodes were closed by the restart"
    assert max(tries, default=0) <= 1
    assert no_traceback(stack)

    async def outage(rig: Rig) -> None:
        await begin(rig)
        await rig.during("both nodes away", lambda: both_away(stack))
        await rig.some_more(10)

    rig = run_load(stack, office, outage, name="outage")
    print(f"control, both nodes away: {rig.verdict().line()}; failed tries: {dict(failed_tries(rig))}")
    assert rig.verdict().faults == []
    assert max(failed_tries(rig)) > 1


def test_two_processes_killed_in_turn_keep_one_record(stack: stack_tool.LocalStack, office: Office) -> None:
    async def scenario(rig: Rig) -> None:
        await begin(rig)
        for number in range(KILLS):
            node = stack.nodes[number % len(stack.nodes)]
            await rig.during(f"kill -9 of {node.name}", partial(kill_and_start, node))
            await rig.some_more(40)

    rig = run_load(stack, office, scenario, name="nodes-killed")
    verdict = rig.verdict()
    print(f"{KILLS} kills of two nodes in turn: {verdict.line()}")
    assert verdict.faults == []
    assert verdict.counts["failed"] >= KILLS, "too few messages were in flight when a node died"
    assert no_traceback(stack)


def kill_and_start(node: stack_tool.Node) -> None:
    node.kill()
    node.start()


async def begin(rig: Rig) -> None:
    readers = [rig.add_reader(number) for number in range(READERS)]
    for number in range(SENDERS):
        rig.add_sender(number, through=readers[number] if number % 2 else None)
    await rig.start()
    await rig.some_more(40)


def failed_tries(rig: Rig) -> Counter[int]:
    """Return how many messages needed how many tries more than one: {1: 7} says that seven succeeded at the second."""
    by_key = Counter(line["key"] for line in read_log(rig.log.path) if line["event"] == "failed")
    return Counter(by_key.values())


def both_away(stack: stack_tool.LocalStack) -> None:
    for node in stack.nodes:
        node.stop()
    for node in stack.nodes:
        node.start()


def no_traceback(stack: stack_tool.LocalStack) -> bool:
    logs = [(stack.folder / f"{node.name}.log").read_text(errors="replace") for node in stack.nodes]
    return not any("Traceback" in log for log in logs)
