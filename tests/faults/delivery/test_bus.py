"""A bus that loses, doubles, reorders, dies, forgets and hangs: every message reaches every reader within 5 s, once.

The proxy stands before a real Redis. Control: a server that trusts the bus, beside a bus that drops everything.
`make faults` sends bursts of 1,000.
"""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tests import services
from tests.faults.delivery.bus_proxy import HONEST, BusProxy, Mischief
from tests.faults.delivery.history import Limits, judge, read_log
from tests.faults.delivery.rig import IS_LONG, SEED, Office, Rig, by_hand, open_office, read_store, run_load
from tests.stack import ROOT, Stack, new_stack

pytestmark = pytest.mark.backend("postgres")  # the embedded product has no bus
BURST, ROUNDS = (1_000, 2) if IS_LONG else (40, 1)
WITHIN_S = 5.0
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
    """A product whose bus is a proxy before a Redis of its own."""

    stack: Stack
    office: Office
    bus: services.RedisServer
    proxy: BusProxy

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.bus.url)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    server = services.start_redis()
    proxy = BusProxy(upstream_port=server.port, seed=SEED)
    proxy.start()
    stack = new_stack()
    stack.environment["REDIS_URL"] = server.url.replace(f":{server.port}/", f":{proxy.port}/")
    office = open_office(stack, people=READERS, conversations=4)
    try:
        yield Site(stack, office, server, proxy)
    finally:
        stack.web.stop()
        proxy.stop()
        server.stop()


def test_a_lossy_bus_delays_and_loses_nothing(site: Site) -> None:
    async def scenario(rig: Rig) -> None:
        for number in range(READERS):
            rig.add_reader(number)
        await rig.start()
        for _ in range(ROUNDS):
            for name, mischief in MISCHIEF.items():
                rig.log.note("fault", what=name)
                site.proxy.mischief = mischief
                await rig.burst(BURST)
            site.proxy.mischief = HONEST
            await redis_dies(rig, site)
            await redis_forgets(rig, site)
            await redis_hangs(rig, site)

    site.stack.web.start()
    try:
        rig = run_load(site.stack, site.office, scenario, name="bus")
    finally:
        site.stack.web.stop()
    verdict = rig.verdict(Limits(deliver_s=WITHIN_S))
    print(f"seed {SEED}: {verdict.line()}; bus: {dict(site.proxy.done)}")
    assert verdict.faults == []
    assert verdict.counts["fault"] == ROUNDS * (len(MISCHIEF) + 4)
    assert min(site.proxy.done[what] for what in ("dropped", "doubled", "reordered")) > 0
    assert "Traceback" not in site.stack.log()


async def redis_dies(rig: Rig, site: Site) -> None:
    rig.log.note("fault", what="Redis is killed")
    await by_hand(site.bus.kill)
    await rig.burst(BURST)
    await rig.during("Redis comes back", site.bus.start)
    await rig.burst(BURST)


async def redis_forgets(rig: Rig, site: Site) -> None:
    await rig.during("FLUSHALL", lambda: site.client().flushall())
    await rig.burst(BURST)


async def redis_hangs(rig: Rig, site: Site) -> None:
    assert site.bus.process is not None
    rig.log.note("fault", what="Redis hangs")
    site.bus.process.send_signal(signal.SIGSTOP)
    await rig.burst(BURST // 5)
    site.bus.process.send_signal(signal.SIGCONT)
    await rig.burst(BURST)


@pytest.mark.faults_only
def test_a_server_that_trusts_the_bus_is_caught(site: Site) -> None:
    """The control: the same bus that drops everything, before a server that never looks for itself."""
    stack, honest = site.stack, site.stack.web.arguments
    stack.environment["PYTHONPATH"] = str(ROOT)
    stack.web.arguments = (str(Path(__file__).with_name("broken_server.py")), "never-re-read", *honest[1:])
    site.proxy.mischief = Mischief(drop=1.0)

    async def scenario(rig: Rig) -> None:
        rig.add_reader(0)
        rig.add_sender(0, most=5)
        await rig.start()
        await rig.sent_all()

    stack.web.start()
    try:
        rig = run_load(stack, site.office, scenario, name="trusting", catch_up_s=WITHIN_S + 1)
    finally:
        stack.web.stop()
        stack.web.arguments, site.proxy.mischief = honest, HONEST
    verdict = judge(read_log(rig.log.path), read_store(stack))
    print(verdict.line())
    assert "I11" in verdict.broken, "the reader caught up without the bus and without looking"
