"""Programs that kill what they do at one of its steps: how a test runs one, and how one forks a child that dies.

A step is a statement, a commit or a call that changes the disk; the child ends there as `kill -9` from outside would
end it. It must not switch anything of the product on or off.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

ROOT = Path(__file__).resolve().parents[2]
CALLS = ("fsync", "replace", "link", "unlink")
COMMIT = "_commit"  # where all commits pass
RIG_LIMIT_S = 7200
Line = dict[str, Any]  # one JSON object
Tell = Callable[[Line], None]


def run_rig(name: str, *arguments: object, environment: Mapping[str, str]) -> list[Line]:
    """Run `main` of a module of this folder beside the tests; return the JSON lines that it prints (Any: any)."""
    source = f"import django; django.setup(); from tests.faults.{name} import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", source, *(str(argument) for argument in arguments)],
        cwd=ROOT,
        env=os.environ | environment | {"DJANGO_SETTINGS_MODULE": "messenger.settings"},
        capture_output=True,
        text=True,
        timeout=RIG_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


class Counter:
    """Counts steps, of all threads; ends the process at the one where it is to die."""

    def __init__(self, *, die_at: int) -> None:
        self.steps = 0
        self._die_at = die_at
        self._lock = threading.Lock()

    def step(self) -> None:
        with self._lock:
            self.steps += 1
            if self.steps == self._die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def execute(self, run: Callable[..., Any], *args: Any) -> Any:  # Any: as Django's wrappers are called
        self.step()
        return run(*args)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:  # Any: whatever is called
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.step()
            result = call(*args, **kwargs)
            self.step()
            return result

        return wrapped

    def watch(self) -> None:
        """Count from now on, in this process, which is a child for this purpose."""
        for owner, name in (*((os, name) for name in CALLS), (BaseDatabaseWrapper, COMMIT)):
            setattr(owner, name, self.around(getattr(owner, name)))
        connection_created.connect(self._watch_connection, weak=False)  # every thread makes one

    def _watch_connection(self, *, connection: BaseDatabaseWrapper, **_: object) -> None:
        if self.execute not in connection.execute_wrappers:
            connection.execute_wrappers.append(self.execute)


@dataclass(frozen=True)
class Ended:
    """How a child ended: the steps that it made, 0 where it died at one; and the lines that it had told until then."""

    steps: int
    told: list[Line]


def run_in_child(act: Callable[[Tell], object], *, die_at: int) -> Ended:
    """Act in a forked child that dies at a step, never with 0. Raises RuntimeError where it ended by an error."""
    connections.close_all()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        counter = Counter(die_at=die_at)
        try:
            counter.watch()
            act(lambda line: _write_line(write, line))
            _write_line(write, {"steps": counter.steps})
        except BaseException:  # noqa: BLE001  # it is a process of its own
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = [json.loads(line) for line in pipe.read().splitlines()]
    _, status = os.waitpid(child, 0)
    has_died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if status and not has_died:
        raise RuntimeError(f"the child ended with status {status} after it had told {told}")
    return Ended(0, told) if has_died else Ended(told[-1]["steps"], told[:-1])


def act_in_child(act: Callable[[], object], *, die_at: int) -> int:
    """Act in a forked child as `run_in_child`; return its steps, 0 where it died."""
    return run_in_child(lambda _: act(), die_at=die_at).steps


def _write_line(pipe: int, line: Line) -> None:
    os.write(pipe, json.dumps(line).encode() + b"\n")
