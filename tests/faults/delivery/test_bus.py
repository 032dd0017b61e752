"""A bus that loses, doubles, reorders, dies, forgets and hangs: every message reaches every reader within 5 s, once.

Two nodes, with readers and senders at each: what is said at one is told at the other by the bus alone. The proxy stands
before a real Redis. Control: a node that trusts the bus, beside a bus that drops everything.
`make faults` sends bursts of 1,000 into each of twenty faults.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pytest
import redis

from tests import services
from tests.faults.delivery.bus_proxy import HONEST, BusProxy, Mischief
from tests.faults.delivery.history import Limits, Line, judge, read_log
from tests.faults.delivery.rig import IS_LONG, SEED, Office, Rig, by_hand, open_office, read_store, run_load
from tests.stack import ROOT, Stack, WebProcess, migrated_stack

pytestmark = pytest.mark.backend("postgres")  # the embedded product has no bus
Kind = TypeVar("Kind")
BURST, ROUNDS = (1_000, 2) if IS_LONG else (40, 1)
IN_SHORT = ("drops everything", "all of it", "Redis is killed", "Redis hangs")
WITHIN_S = 5.0
# By a bus that works a message takes milliseconds. Where it takes longer than this, in the same run, the machine has no
# time for us: that much is no verdict about a bus that does not work.
PROMPT_S, CONTROL = 0.5, "no fault"
CUT_EACH_S = 0.5
READERS = 12
MISCHIEF = {
    "drops everything": Mischief(drop=1.0),
    "drops one in ten": Mischief(drop=0.1),
    "doubles": Mischief(double=1.0),
    "reorders": Mischief(reorder=0.5),
    "all of it": Mischief(drop=0.1, double=0.3, reorder=0.3),
}


@dataclass
class Site:
    """A product of two nodes, whose bus is a proxy before a Redis of its own."""

    stack: Stack
    other: WebProcess
    office: Office
    bus: services.RedisServer
    proxy: BusProxy

    @contextmanager
    def serving(self) -> Iterator[None]:
        self.stack.web.start()
        try:
            self.other.start()
            yield
        finally:
            self.other.stop()
            self.stack.web.stop()

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.bus.url)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    server = services.start_redis()
    proxy = BusProxy(upstream_port=server.port, seed=SEED)
    proxy.start()
    stack = migrated_stack()
    stack.environment["REDIS_URL"] = server.url.replace(f":{server.port}/", f":{proxy.port}/")
    office = open_office(stack, people=READERS, conversations=4)
    port = services.free_port()
    other = replace(stack.web, port=port, environment=stack.environment | {"PORT": str(port)})
    try:
        yield Site(stack, other, office, server, proxy)
    finally:
        proxy.stop()
        server.stop()


def test_a_lossy_bus_delays_and_loses_nothing(site: Site) -> None:
    async def scenario(rig: Rig) -> None:
        rig.nodes = (site.stack.url, site.other.url)
        for number in range(READERS):
            rig.add_reader(number)
        await rig.start()
        for _ in range(ROUNDS):
            rig.log.note("quiet")  # a bus that does what it should: what the machine itself takes today
            await rig.burst(BURST)
            for name, mischief in shown(MISCHIEF).items():
                rig.log.note("fault", what=name)
                site.proxy.mischief = mischief
                await rig.burst(BURST)
            site.proxy.mischief = HONEST
            for name, fault in shown(FAULTS).items():
                rig.log.note("fault", what=name)
                await fault(rig, site)

    with site.serving():
        rig = run_load(site.stack, site.office, scenario, name="bus")
    took = slowest(read_log(rig.log.path))
    limit_s = WITHIN_S + max(0.0, took[CONTROL] - PROMPT_S)
    verdict = rig.verdict(Limits(deliver_s=limit_s))
    print(f"seed {SEED}: {verdict.line()}; bus: {dict(site.proxy.done)}\n  limit {limit_s:.2f} s, slowest {took}")
    assert verdict.faults == []
    assert verdict.counts["fault"] == ROUNDS * (len(shown(MISCHIEF)) + len(shown(FAULTS)))
    assert verdict.counts["acked"] == (verdict.counts["fault"] + ROUNDS) * BURST
    assert min(site.proxy.done[what] for what in ("dropped", "doubled", "reordered")) > 0
    assert "Traceback" not in site.stack.log()


async def redis_dies(rig: Rig, site: Site) -> None:
    await by_hand(site.bus.kill)
    await half_a_burst(rig)
    await comes_back(rig, site)


async def redis_stops(rig: Rig, site: Site) -> None:
    await by_hand(site.bus.stop)
    await half_a_burst(rig)
    await comes_back(rig, site)


async def redis_forgets(rig: Rig, site: Site) -> None:
    await by_hand(lambda: site.client().flushall())
    await rig.burst(BURST)


async def redis_hangs(rig: Rig, site: Site) -> None:
    assert site.bus.process is not None
    site.bus.process.send_signal(signal.SIGSTOP)
    await rig.burst(BURST // 5)
    site.bus.process.send_signal(signal.SIGCONT)
    rig.log.note("healed", what="Redis goes on")
    await rig.burst(BURST - BURST // 5)


async def connections_break(rig: Rig, site: Site) -> None:
    """Cut whatever is connected to Redis, again and again, while messages are sent."""
    sending = asyncio.create_task(rig.burst(BURST))
    while not sending.done():
        await by_hand(lambda: [site.client().client_kill_filter(_type=kind) for kind in ("pubsub", "normal")])
        await asyncio.sleep(CUT_EACH_S)
    await sending


async def half_a_burst(rig: Rig) -> None:
    await rig.burst(BURST // 2, senders=4)


async def comes_back(rig: Rig, site: Site) -> None:
    await by_hand(site.bus.start)
    rig.log.note("healed", what="Redis comes back")
    await half_a_burst(rig)


FAULTS: dict[str, Callable[[Rig, Site], Awaitable[None]]] = {
    "Redis is killed": redis_dies,
    "Redis is stopped": redis_stops,
    "Redis forgets": redis_forgets,
    "Redis hangs": redis_hangs,
    "connections break": connections_break,
}


def shown(faults: dict[str, Kind]) -> dict[str, Kind]:
    """Return all of them in the long form, else the few that stand for the others."""
    return {name: fault for name, fault in faults.items() if IS_LONG or name in IN_SHORT}


def slowest(log: list[Line]) -> dict[str, float]:
    """Return the slowest delivery of each fault in s, from the acknowledgement to the last reader."""
    acked_at, part = {line["key"]: line["t"] for line in log if line["event"] == "acked"}, CONTROL
    part_of: dict[str, str] = {}
    found: dict[str, float] = {}
    for line in log:
        if line["event"] in ("fault", "quiet"):
            part = line.get("what", CONTROL)
        elif line["event"] == "sent":
            part_of.setdefault(line["key"], part)
        elif line["event"] == "received" and line.get("key") in acked_at:
            name, late = part_of[line["key"]], line["t"] - acked_at[line["key"]]
            found[name] = max(found.get(name, 0.0), round(late, 2))
    return found


@pytest.mark.faults_only
def test_a_server_that_trusts_the_bus_is_caught(site: Site) -> None:
    """The control: the same bus that drops everything, before a server that never looks for itself."""
    honest = site.other.arguments
    site.other.environment["PYTHONPATH"] = str(ROOT)
    site.other.arguments = (str(Path(__file__).with_name("broken_server.py")), "never-re-read", *honest[1:])
    site.proxy.mischief = Mischief(drop=1.0)

    async def scenario(rig: Rig) -> None:
        rig.add_reader(0, url=site.other.url)
        rig.add_sender(0, most=5)
        await rig.start()
        await rig.sent_all()

    with site.serving():
        rig = run_load(site.stack, site.office, scenario, name="trusting", catch_up_s=WITHIN_S + 1)
    site.other.arguments, site.proxy.mischief = honest, HONEST
    verdict = judge(read_log(rig.log.path), read_store(site.stack))
    print(verdict.line())
    assert "I11" in verdict.broken, "the reader caught up without the bus and without looking"
