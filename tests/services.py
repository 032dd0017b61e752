"""Private servers for the tests: PostgreSQL, Redis, and where Chromium is.

Everything lives in a folder of its own on random ports, and dies with the process that started it.
This module must not touch a server that it did not start, and must not know Django.
"""

import abc
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis

START_LIMIT_S = 30.0  # on a machine that has nothing else to do
STOP_LIMIT_S = 15.0
POLL_S = 0.05
PORTS = range(10_000, 32_000)  # below those that outgoing connections are given
# PostgreSQL refuses to run as root; these users exist on Debian with and without its package.
UNPRIVILEGED_USERS = ("postgres", "nobody")


class ServiceFailed(RuntimeError):
    """A test server did not start or did not answer; the message holds the end of its log."""


@dataclass(frozen=True)
class Program:
    """A program that the full suite needs, and the Debian package that brings it."""

    name: str
    package: str
    path: str | None


def find_postgres() -> str | None:
    """Return the newest `postgres` program, or None. Debian keeps it out of PATH."""
    versions = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = sorted(versions, key=lambda path: int(path.parts[-3]), reverse=True)
    return str(newest[0]) if newest else shutil.which("postgres")


def find_redis() -> str | None:
    return shutil.which("redis-server")


def find_chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def find_node() -> str | None:
    return shutil.which("node")


def find_softhsm_library() -> str | None:
    """Return SoftHSM's PKCS#11 library, or None. Debian keeps it in one of two folders."""
    places = [Path("/usr/lib/softhsm/libsofthsm2.so"), *Path("/usr/lib").glob("*/softhsm/libsofthsm2.so")]
    return next((str(path) for path in places if path.exists()), None)


def find_nginx() -> str | None:
    """Return nginx, or None. Debian keeps it out of the PATH of people who are not root."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def programs() -> tuple[Program, ...]:
    """Return every outside program of the suite, found or not."""
    return (
        Program(name="PostgreSQL", package="postgresql", path=find_postgres()),
        Program(name="Redis", package="redis-server", path=find_redis()),
        Program(name="Chromium", package="chromium", path=find_chromium()),
        Program(name="Node", package="nodejs", path=find_node()),
        Program(name="SoftHSM", package="softhsm2", path=find_softhsm_library()),
        Program(name="nginx", package="nginx-light", path=find_nginx()),
    )


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment.

    By chance, not the kernel's next one: two processes that ask at the same moment would be given the same.
    """
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def stretched(limit_s: float) -> float:
    """Return a limit that ends what hangs, longer while much else runs; never for what a test has to show."""
    return limit_s * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def unprivileged_user() -> str | None:
    """Return the user to run PostgreSQL as when we are root; None means: as ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in UNPRIVILEGED_USERS:
        if name in known:
            return name
    raise ServiceFailed("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def dies_with_parent(command: Sequence[str], *, by: str) -> list[str]:
    """Return the command so that Linux sends it the signal when our process goes, even by kill -9."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", by, *command] if setpriv else list(command)


@dataclass
class Server(abc.ABC):
    """One private server: `start`, `stop` (politely), `kill` (as a crash), `start` again with the data kept."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    name = "server"
    polite_signal = signal.SIGTERM
    user: str | None = None

    @abc.abstractmethod
    def command(self) -> list[str]:
        """Return the command line that runs the server in the foreground."""

    @abc.abstractmethod
    def answers(self) -> bool:
        """Say whether a client is served now."""

    def start(self) -> None:
        """Start and return when the server answers; raise ServiceFailed when it does not.

        Raises RuntimeError while it runs: nobody would ever stop the one before.
        """
        if self.process is not None and self.process.poll() is None:
            raise RuntimeError(f"{self.name} runs already.")
        command = dies_with_parent(self.command(), by=self.polite_signal.name.removeprefix("SIG"))
        with self._log_path().open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, user=self.user
            )
        self._wait_until_it_answers()

    def stop(self) -> None:
        self._end(by=self.polite_signal)

    def kill(self) -> None:
        """End it as a crash would: no goodbye, nothing flushed by the server."""
        self._end(by=signal.SIGKILL)

    def _end(self, *, by: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(by)
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _wait_until_it_answers(self) -> None:
        began = time.monotonic()
        while time.monotonic() - began < stretched(START_LIMIT_S):
            if self.process is None or self.process.poll() is not None:
                break
            if self.answers():
                return
            time.sleep(POLL_S)
        self.stop()
        raise ServiceFailed(f"{self.name} did not start:\n{self._log_tail()}")

    def _log_path(self) -> Path:
        return self.folder / "server.log"

    def _log_tail(self) -> str:
        return "\n".join(self._log_path().read_text(errors="replace").splitlines()[-20:])


@dataclass
class PostgresServer(Server):
    """PostgreSQL with its defaults (fsync on), so that what it promises in production it promises here."""

    password: str = field(default_factory=lambda: secrets.token_hex(16))

    name = "PostgreSQL"
    polite_signal = signal.SIGINT  # "fast": does not wait for clients

    @property
    def url(self) -> str:
        return self.url_of("onrecord")

    def url_of(self, database: str) -> str:
        return f"postgres://onrecord:{self.password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the cluster and its database; once, before the first start."""
        self.user = unprivileged_user()
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        if self.user:
            for path in (self.folder, password_file):
                shutil.chown(path, self.user)
        self._run("initdb", "-D", "data", "-U", "onrecord", "-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256",
                  "--pwfile=password")  # fmt: skip
        (self.folder / "data" / "postgresql.auto.conf").write_text(self._configuration())

    def command(self) -> list[str]:
        return [str(self._bin() / "postgres"), "-D", "data"]

    def kill(self) -> None:
        """End it and every process that it started: left alone, one of them can wait for ever for another's lock."""
        if self.process is None:
            return
        pid = self.process.pid
        self.process.send_signal(signal.SIGSTOP)  # so that it starts no more
        started = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        super().kill()
        for child in started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url_of("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE onrecord")

    def _configuration(self) -> str:
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "200"}
        return "".join(f"{name} = '{value}'\n" for name, value in settings.items()) + f"port = {self.port}\n"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin() / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, user=self.user, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServiceFailed(f"{program} failed:\n{done.stderr}")

    def _bin(self) -> Path:
        found = find_postgres()
        if found is None:
            raise ServiceFailed("PostgreSQL is missing: apt-get install postgresql")
        return Path(found).resolve().parent


@dataclass
class RedisServer(Server):
    """Redis as a bus: nothing is kept on disk. Its password makes sure that it is ours that answers."""

    password: str = field(default_factory=lambda: secrets.token_hex(16))

    name = "Redis"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        found = find_redis()
        if found is None:
            raise ServiceFailed("Redis is missing: apt-get install redis-server")
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": self.password,
            "save": "",
            "appendonly": "no",
        }
        return [found, *(word for name, value in options.items() for word in (f"--{name}", value))]

    def answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=2)
        with contextlib.closing(client), contextlib.suppress(redis.RedisError):
            return bool(client.ping())
        return False


def new_folder(name: str) -> Path:
    """Return a new folder, inside the one of this test run if there is one: that goes away as a whole."""
    return Path(tempfile.mkdtemp(prefix=f"onrecord-{name}-", dir=os.environ.get("ONRECORD_TEST_FOLDER")))


def start_postgres() -> PostgresServer:
    """Start a private PostgreSQL with an empty database `onrecord`. The caller stops it."""
    server = PostgresServer(folder=new_folder("postgres"))
    server.prepare()
    server.start()
    server.create_database()
    return server


def start_redis() -> RedisServer:
    """Start a private Redis. The caller stops it."""
    server = RedisServer(folder=new_folder("redis"))
    server.start()
    return server
