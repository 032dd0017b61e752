"""Whether pages stay fast as a store grows: through the HTTP API, and the reading alone, at ten times more each time.

`python -m bench.pages --entries 1000000` lets an invented firm talk (messenger/populating) up to so many messages, from
10,000 on, and measures at each size. The server is a process of its own beside the same database. Searches are measured
without HTTP: the portal's page also records each. What one run says belongs together; it must not extrapolate.

With `--copies 10000000` on PostgreSQL it goes on beyond the messages that were said: SQL makes ten times the rows, up
to so many. These copies are not in the record (bench/copies.py), so only reading is measured, and the lines of such a
size say so by `copies`: true.
"""

import argparse
import http.client
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from bench.environment import BACKEND, FOLDER
from bench.measuring import report

# isort: split
import httpx
from django.db import connection

from archive.search import Query, find
from bench.copies import multiply
from bench.plans import in_server
from messenger.conversations import paging, queries
from messenger.conversations.access import access_conversation
from messenger.conversations.models import Conversation, Message
from messenger.conversations.places import read_places
from messenger.people import actions
from messenger.people.models import Person
from messenger.populating.filling import Plan, found, talk
from tests import services

FIRST = 10_000
SEED = 1
PEOPLE, CONVERSATIONS = 400, 650  # the first of the people is in more than 500 of the conversations
ROUNDS = 100
PASSWORD = "bench-on-the-record"  # noqa: S105  (nobody signs in with it)
PAGE = 50
COMMON, ABSENT = "client", "quizzical"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pages")
    parser.add_argument("--entries", type=int, default=100_000, help="messages of the largest size")
    parser.add_argument("--copies", type=int, default=0, help="PostgreSQL: go on by copies that are not in the record")
    options = parser.parse_args()
    if options.copies and BACKEND != "postgres":
        parser.error("--copies needs PostgreSQL.")
    found(Plan.of(FIRST, seed=SEED, people=PEOPLE, conversations=CONVERSATIONS), password=PASSWORD)
    size = FIRST
    while size <= options.entries:
        fill(size)
        measure()
        size *= 10
    while size <= options.copies:
        began = time.perf_counter()
        multiply(10)
        report("pages", what="copies", backend=BACKEND, messages=size, seconds=round(time.perf_counter() - began))
        measure(copies=True)
        size *= 10


def fill(size: int) -> None:
    """Let them talk until there are so many messages, and show how fast that went."""
    missing = size - Message.objects.count()
    clock, own = time.perf_counter(), time.process_time()
    talk(Plan.of(missing, seed=SEED))
    taken, computed = time.perf_counter() - clock, time.process_time() - own
    rates = {"per_second": round(missing / taken), "per_cpu_second": round(missing / computed)}
    report("pages", what="populate", backend=BACKEND, messages=missing, **rates)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if BACKEND == "postgres" else "PRAGMA wal_checkpoint(TRUNCATE)")


def measure(**about: bool) -> None:
    """Measure every page at the size that the store has now."""
    desk = Desk.of_the_busiest()
    show = partial(report, "pages", backend=BACKEND, size=Message.objects.count(), room=desk.messages, **about)
    for name, read in desk.reads().items():
        inside = in_server(read) if BACKEND == "postgres" else {}
        show(what=name, door="none", **timed(read, used_s=time.process_time), **inside)
    web = Web(services.new_folder("pages"))
    web.start()
    try:
        ask = Asker(web.url, token=desk.token)
        for name, path in desk.paths().items():
            show(what=name, door="api", **timed(partial(ask, path), used_s=web.used_s))
    finally:
        web.stop()


def timed(act: Callable[[], object], *, used_s: Callable[[], float]) -> dict[str, float]:
    """Return milliseconds on the clock, and of the processor in the process that does the work, after a few in vain."""
    for _ in range(5):
        act()
    taken, before = [], used_s()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    used = (used_s() - before) * 1000 / ROUNDS
    quantiles = statistics.quantiles(taken, n=20)
    return {"p50_ms": round(quantiles[9], 2), "p95_ms": round(quantiles[18], 2), "cpu_ms": round(used, 2)}


@dataclass(frozen=True)
class Desk:
    """Who reads, and the conversation that they read most in: the one with most messages."""

    person: Person
    token: str
    room: int
    head: int
    messages: int
    rare: str

    @classmethod
    def of_the_busiest(cls) -> "Desk":
        person = Person.objects.exclude(name__endswith="Populated").order_by("pk")[0]
        room = Conversation.objects.order_by("-ordinal")[0]
        _, token = actions.create_token(person, name="bench")
        said = Message.objects.filter(conversation=room, n__gte=room.head // 2).order_by("n")[:500]
        # A name of a client is the rarer, the further back it stands in their list: the rarest of some hundred texts.
        names = {word for message in said for word in message.body.split() if word.isalpha() and word.istitle()}
        rare = min(names, key=lambda name: find(Query(words=name)).total)
        return cls(person, token, room.pk, room.head, room.ordinal, rare)

    def reads(self) -> dict[str, Callable[[], object]]:
        seat = access_conversation(self.person, self.room)
        middle = self.head // 2
        return {
            "newest page": lambda: paging.newest_page(seat, limit=PAGE),
            "older page": lambda: paging.page_before(seat, before=middle, limit=PAGE),
            "newer page": lambda: paging.page_after(seat, after=middle, limit=PAGE),
            "page around": lambda: paging.page_around(seat, n=middle, limit=PAGE),
            "unread counts": lambda: read_places(self.person),
            "sidebar": lambda: queries.list_conversations(self.person),
            "sync": lambda: queries.sync(self.person, cursors={self.room: self.head - PAGE}),
            "search, common": lambda: find(Query(words=COMMON)),
            "search, rare": lambda: find(Query(words=self.rare)),
            "search, absent": lambda: find(Query(words=ABSENT)),
        }

    def paths(self) -> dict[str, str]:
        messages = f"conversations/{self.room}/messages?limit={PAGE}"
        middle = self.head // 2
        return {
            "nothing": "me",
            "newest page": messages,
            "older page": f"{messages}&before={middle}",
            "newer page": f"{messages}&after={middle}",
            "page around": f"{messages}&around={middle}",
            "sidebar": "conversations",
            "sync": f"sync?after={self.room}:{self.head - PAGE}",
        }


class Asker:
    """Asks over one connection that stays open."""

    def __init__(self, url: str, *, token: str) -> None:
        self._line = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, path: str) -> None:
        self._line.request("GET", f"/api/v1/{path}", headers=self._headers)
        answer = self._line.getresponse()
        body = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{path} was answered {answer.status}: {body[:500]!r}")


class Web(services.Server):
    """The product's server over the store of this process."""

    name = "OnRecord"

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def command(self) -> list[str]:
        manage = os.path.abspath("manage.py")
        return ["env", f"PORT={self.port}", sys.executable, manage, "serve", "--no-worker"]

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == http.HTTPStatus.OK
        except httpx.HTTPError:
            return False

    def used_s(self) -> float:
        """Return the seconds that the server has computed; the database's are not in it."""
        pid = self.process.pid if self.process else 0
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(f"the store is under {FOLDER}", file=sys.stderr)
    main()
