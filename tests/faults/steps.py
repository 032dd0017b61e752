"""A forked child that does something and is killed at one of its steps, as `kill -9` from outside would.

A step is a statement, a commit or a call that changes the disk. It must not switch anything of the product on or off.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

from django.db import connection

CALLS = ("fsync", "replace", "link", "unlink")


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
