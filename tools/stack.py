"""`make stack`: the product as a firm runs it on several nodes, on this machine and private ports, by one command.

Two uvicorn processes behind nginx, PostgreSQL, Redis, a Celery worker and beat; the demo office in it. SIGHUP restarts
the nodes one after the other, Ctrl-C ends everything and removes its data. For trying out and for tests only:
the settings are the embedded ones, and everything lies in a temporary folder.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests import services

ROOT = Path(__file__).resolve().parent.parent
NODES = 2
UVICORN = (
    "-m", "uvicorn", "messenger.asgi:application", "--host", "127.0.0.1", "--ws-max-size", "65536",
    "--ws-per-message-deflate", "false", "--lifespan", "off", "--no-access-log", "--log-level", "warning",
    "--timeout-graceful-shutdown", "10",
)  # fmt: skip
CELERY = ("-m", "celery", "-A", "messenger.celery", "--workdir", str(ROOT))


@dataclass
class Process(services.Server):
    """One Python process of the product."""

    name: str = ""
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def command(self) -> list[str]:
        pairs = [f"{name}={value}" for name, value in self.environment.items()]
        return ["env", *pairs, sys.executable, *self.arguments]

    def answers(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _log_path(self) -> Path:
        return self.folder / f"{self.name}.log"


@dataclass
class Node(Process):
    """One web process."""

    def answers(self) -> bool:
        return _is_ready(self.port)


@dataclass
class Nginx(services.Server):
    """nginx in the foreground, with the site of deploy/ before the nodes."""

    name = "nginx"
    polite_signal = signal.SIGQUIT
    nodes: tuple[int, ...] = ()

    def command(self) -> list[str]:
        self._configure()
        program = services.find_nginx()
        if program is None:
            raise services.ServiceFailed("nginx is missing: apt-get install nginx-light")
        return [program, "-p", str(self.folder), "-c", "nginx.conf", "-e", "stderr"]

    def answers(self) -> bool:
        return _is_ready(self.port)

    def _log_path(self) -> Path:
        return self.folder / "nginx.log"

    def _configure(self) -> None:
        lines = "\n    ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in self.nodes)
        site = (ROOT / "deploy" / "nginx-site.conf").read_text(encoding="utf-8")
        site = site.replace("    @NODES@", f"    {lines}").replace("@LISTEN@;", f"127.0.0.1:{self.port};")
        (self.folder / "site.conf").write_text(site, encoding="utf-8")
        places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        folders = "\n".join(f"    {place}_temp_path {self.folder}/{place};" for place in places)
        (self.folder / "nginx.conf").write_text(
            "daemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log stderr;\n"
            f"{'user root;' if os.geteuid() == 0 else ''}\n"
            "events { worker_connections 4096; }\n"
            f"http {{\n    access_log off;\n{folders}\n    include site.conf;\n}}\n",
            encoding="utf-8",
        )


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://localhost:{port}/readyz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@dataclass
class LocalStack:
    """Everything of one stack. `prepare` once, then `start`; `restart_nodes` is the rolling restart."""

    folder: Path
    port: int
    postgres: services.PostgresServer
    redis: services.RedisServer
    environment: dict[str, str]
    nodes: tuple[Node, ...]
    nginx: Nginx
    workers: tuple[Process, ...]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def prepare(self) -> None:
        """Start database and bus, make the tables and collect the static files."""
        self.postgres.prepare()
        self.postgres.start()
        self.postgres.create_database()
        self.redis.start()
        self.manage("migrate", "--verbosity=0")
        self.manage("collectstatic", "--verbosity=0", "--no-input", "--ignore=rest_framework*")

    def start(self, *, with_workers: bool = True) -> None:
        for process in (*self.nodes, self.nginx, *(self.workers if with_workers else ())):
            process.start()

    def stop(self) -> None:
        for server in (*self.workers, self.nginx, *self.nodes, self.redis, self.postgres):
            server.stop()

    def restart_nodes(self, *, between: Callable[[], object] = lambda: None) -> None:
        """Restart the nodes one after the other; the next one goes when the last one answers."""
        for node in self.nodes:
            node.stop()
            node.start()
            between()

    def manage(self, *arguments: str) -> None:
        """Run a management command in the stack's environment; raises CalledProcessError."""
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        subprocess.run(command, env=os.environ | self.environment, cwd=self.folder, check=True)


def new_stack(*, port: int) -> LocalStack:
    """Return a stack that is not started yet, in a temporary folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="onrecord-stack-", dir=os.environ.get("ONRECORD_TEST_FOLDER")))
    folder.chmod(0o711)  # PostgreSQL runs as somebody else
    for name in ("postgres", "redis"):
        (folder / name).mkdir()
    postgres = services.PostgresServer(folder=folder / "postgres")
    redis = services.RedisServer(folder=folder / "redis")
    environment = {
        "ONRECORD_VAR": str(folder / "var"),
        "PORT": str(port),
        "DATABASE_URL": postgres.url,
        "REDIS_URL": redis.url,
        "ONRECORD_TRUSTED_PROXIES": "1",
        "ONRECORD_METRICS_TOKEN": secrets.token_urlsafe(24),
        "LOG_LEVEL": "WARNING",
    }
    nodes = tuple(_node(number, folder=folder, environment=environment) for number in range(NODES))
    nginx = Nginx(folder=folder, port=port, nodes=tuple(node.port for node in nodes))
    return LocalStack(folder, port, postgres, redis, environment, nodes, nginx, _workers(folder, environment))


def _node(number: int, *, folder: Path, environment: dict[str, str]) -> Node:
    node = Node(folder=folder, name=f"node{number + 1}", environment=environment | {"PYTHONPATH": str(ROOT)})
    node.arguments = (*UVICORN, "--port", str(node.port))
    return node


def _workers(folder: Path, environment: dict[str, str]) -> tuple[Process, ...]:
    parts = {
        "worker": ("worker", "--concurrency=1", "--loglevel=WARNING"),
        "beat": ("beat", "--schedule", str(folder / "beat"), "--pidfile=", "--loglevel=WARNING"),
    }
    return tuple(
        Process(folder=folder, name=name, arguments=(*CELERY, *arguments), environment=environment)
        for name, arguments in parts.items()
    )


def describe(stack: LocalStack) -> str:
    """Return what whoever tries it out needs: where everything is, how to look into it, what brings a node back."""
    nodes = ", ".join(f"{node.name} http://localhost:{node.port}" for node in stack.nodes)
    return (
        f"OnRecord is at {stack.url}, behind nginx. Nodes: {nodes}\n"
        f"Logs: {stack.folder}/*.log\n"
        f'Figures: curl -H "Authorization: Bearer {stack.environment["ONRECORD_METRICS_TOKEN"]}" '
        f"http://localhost:{stack.nodes[0].port}/metrics\n"
        f"kill -HUP {os.getpid()} restarts the nodes in turn, and brings back one that was killed.\n"
        "Ctrl-C ends everything and removes its data."
    )


def main() -> int:
    stack = new_stack(port=int(os.environ.get("PORT", "8000")))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    signal.signal(signal.SIGHUP, lambda *_: stack.restart_nodes(between=lambda: print("A node is back.", flush=True)))
    try:
        stack.prepare()
        stack.manage("demo")
        stack.start()
        print(describe(stack), flush=True)
        while True:
            signal.pause()
    except KeyboardInterrupt:
        print("Stopping.")
    except (services.ServiceFailed, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        stack.stop()
        shutil.rmtree(stack.folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
