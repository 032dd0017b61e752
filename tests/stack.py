"""The product itself as its users run it: `manage.py serve` as a process, embedded or on PostgreSQL and Redis.

On PostgreSQL the worker and the clock are Celery's, as processes. Talks to it only through its public doors.
"""

import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx
import psycopg

from tests import services
from tests.environment import BACKEND

ROOT = Path(__file__).resolve().parent.parent
OFFICE = "harborfinch.example"
PASSWORD = "on-the-record-2026"  # what `manage.py demo` prints
COMMAND_LIMIT_S = 120


@dataclass
class ProductProcess(services.Server):
    """One process of the product; `arguments` follow the interpreter."""

    label: str = "web"
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    name = "OnRecord"

    def command(self) -> list[str]:
        pairs = [f"{key}={value}" for key, value in self.environment.items()]
        return ["env", *pairs, sys.executable, *self.arguments]

    def answers(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _log_path(self) -> Path:
        return self.folder / f"{Path(self.arguments[-1]).name.strip('-')}.log"


@dataclass
class WebProcess(ProductProcess):
    """The process that serves HTTP and the socket."""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


@dataclass
class Stack:
    """A running product with the demo office in it."""

    folder: Path
    environment: dict[str, str]
    web: WebProcess
    workers: tuple[ProductProcess, ...]

    @property
    def url(self) -> str:
        return self.web.url

    def start(self) -> None:
        for process in (self.web, *self.workers):
            process.start()

    def stop(self) -> None:
        for process in (*self.workers, self.web):
            process.stop()

    def manage(
        self, *arguments: str, check: bool = True, limit_s: float = COMMAND_LIMIT_S
    ) -> subprocess.CompletedProcess[str]:
        """Run a management command beside the server."""
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=os.environ | self.environment,
            cwd=self.folder,
            check=check,
            capture_output=True,
            text=True,
            timeout=services.stretched(limit_s),
        )

    def size(self) -> int:
        """Return the number of entries in the record, read beside the server."""
        statement = "SELECT size FROM archive_head"
        if "DATABASE_URL" in self.environment:
            with psycopg.connect(self.environment["DATABASE_URL"]) as server:
                row = server.execute(statement).fetchone()
        else:
            with closing(sqlite3.connect(self.folder / "var" / "onrecord.sqlite3")) as file:
                row = file.execute(statement).fetchone()
        assert row is not None
        return int(row[0])

    def log(self) -> str:
        """Return everything that the processes have printed."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def sign_in(self, name: str) -> httpx.Client:
        """Return a browser-like client of somebody of the demo office."""
        client = httpx.Client(base_url=self.url, follow_redirects=False, timeout=30)
        form = client.get("/accounts/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
        assert token is not None, form.text[:500]
        answer = client.post(
            "/accounts/login/",
            data={"csrfmiddlewaretoken": token[1], "login": f"{name}@{OFFICE}", "password": PASSWORD},
        )
        assert answer.status_code == 302, f"{name} was not signed in: {answer.status_code}"
        page = client.get("/settings/")
        meta = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert meta is not None, page.text[:500]
        client.headers["X-CSRFToken"] = meta[1]
        return client


def cookie_header(client: httpx.Client) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Start the product on this pass's backend with the demo office; stop and forget it afterwards."""
    stack = office_stack()
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def office_stack() -> Stack:
    """Return a product that is not started yet, with the demo office in its store."""
    return _copy(_made_by("demo"))


def migrated_stack() -> Stack:
    """Return a product that is not started yet, with its tables in its store and nothing in them."""
    return _copy(_made_by("migrate"))


@cache
def _made_by(command: str) -> Stack:
    """Return a store that a command made, once in this process. It is never started: others are copies of it."""
    stack = new_stack()
    stack.manage(command)
    return stack


def _copy(made: Stack) -> Stack:
    stack = new_stack(template=_database_of(made.environment))
    shutil.copytree(made.folder / "var", stack.folder / "var")
    return stack


def _database_of(environment: dict[str, str]) -> str | None:
    """Return the name of the database on the server; None where the store is files alone."""
    return environment["DATABASE_URL"].rsplit("/", 1)[1] if "DATABASE_URL" in environment else None


def new_stack(*, template: str | None = None) -> Stack:
    """Return a product that is not started yet, over an empty store of its own; a template is a database to copy."""
    folder = services.new_folder("stack")
    port = services.free_port()
    environment = {
        "ONRECORD_VAR": str(folder / "var"),
        "PORT": str(port),
        "ONRECORD_TEST_HASHER": "true",
        "ONRECORD_SWEEP_S": "1.0",  # what is put in is nudged; looking oftener takes the processor from the tests
        "LOG_LEVEL": "WARNING",
        **_backend(template or "template1"),
    }
    arguments = ("serve",) if BACKEND == "sqlite" else ("serve", "--no-worker")
    web = WebProcess(folder=folder, port=port, arguments=(str(ROOT / "manage.py"), *arguments), environment=environment)
    return Stack(folder=folder, environment=environment, web=web, workers=_workers(folder, environment))


def _backend(template: str) -> dict[str, str]:
    if BACKEND == "sqlite":
        return {}
    database = f"stack_{secrets.token_hex(4)}"
    server = os.environ["ONRECORD_TEST_POSTGRES_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database} TEMPLATE {template}")
    return {
        "DATABASE_URL": f"{server.rsplit('/', 1)[0]}/{database}",
        # A database number of its own would not do: pub/sub and its hints cross them.
        "REDIS_URL": os.environ["REDIS_URL"],
    }


def _workers(folder: Path, environment: dict[str, str]) -> tuple[ProductProcess, ...]:
    if BACKEND == "sqlite":
        return ()
    celery = ("-m", "celery", "-A", "messenger.celery", "--workdir", str(ROOT))
    schedule = ("beat", "--schedule", str(folder / "beat"), "--loglevel=WARNING", "--pidfile=")
    work = ("worker", "--pool=solo", "--without-mingle", "--without-gossip", "--loglevel=WARNING")
    return tuple(
        ProductProcess(folder=folder, label=part[0], arguments=(*celery, *part), environment=environment)
        for part in (work, schedule)
    )
