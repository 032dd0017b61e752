"""Programs that kill what they do at one of its steps: how a test runs one, and how one forks a child that dies.

A step is a statement, a commit or a call that changes the disk; the child ends there as `kill -9` from outside would
end it. It must not switch anything of the product on or off.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
CALLS = ("fsync", "replace", "link", "unlink")
RIG_LIMIT_S = 1800


def run_rig(name: str, *arguments: object, environment: Mapping[str, str]) -> list[dict[str, Any]]:
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
    """Counts steps; ends the process at the one where it is to die."""

    def __init__(self, *, die_at: int) -> None:
        self.steps = 0
        self._die_at = die_at

    def step(self) -> None:
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


def act_in_child(act: Callable[[], object], *, die_at: int) -> int:
    """Act in a forked child that dies at a step, never with 0; return the steps it made, 0 where it died."""
    connection.close()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        counter = Counter(die_at=die_at)
        try:
            for owner, name in (*((os, name) for name in CALLS), (connection, "_commit")):  # all commits pass there
                setattr(owner, name, counter.around(getattr(owner, name)))
            with connection.execute_wrapper(counter.execute):
                act()
            os.write(write, str(counter.steps).encode())
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return int(told or 0)
