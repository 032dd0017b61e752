"""What the tests of group commit share: small actions, and a way to have them wait at the same time.

The head's lock is held while actions pile up, so that which of them share a group is not left to chance.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from archive import ledger
from archive.ledger import writer
from archive.models import Leaf
from tests.archive.samples import said

Action = Callable[[], Any]


@ledger.action()
def say(body: str, *, stream: str = "conversation:7") -> ledger.Receipt:
    return ledger.record(said(body, stream=stream))


@ledger.action()
def do(action: Action) -> Any:
    return action()


@contextlib.contextmanager
def piling_up(actions: list[Action]) -> Iterator[list[Future[Any]]]:
    """Start each action in a thread of its own, in this order, while the head is locked; let go at the end."""
    with ThreadPoolExecutor(len(actions)) as pool, counted() as submitted:
        with ledger.transaction():
            waiting = []
            for number, action in enumerate(actions, start=1):
                waiting.append(pool.submit(and_close, action))
                until(lambda number=number: len(submitted) == number)
        yield waiting


@contextlib.contextmanager
def counted() -> Iterator[list[object]]:
    """Note what is handed to the writer."""
    submit, seen = writer._writer.submit, list[object]()

    def and_note(*args: Any, **kwargs: Any) -> Any:
        job = submit(*args, **kwargs)
        seen.append(job)
        return job

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer._writer, "submit", and_note)
        yield seen


def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(0.01)
    pytest.fail("It did not come to that in ten seconds.")


def and_close(action: Action) -> Any:
    try:
        return action()
    finally:
        connections.close_all()


def outcomes(actions: list[Action]) -> list[Any]:
    """Return what each action returned or raised."""
    with piling_up(actions) as waiting:
        return [future.exception(30) or future.result() for future in waiting]


def bodies() -> list[str]:
    return [str(ledger.open_entry(seq).content["body"]) for seq in range(Leaf.objects.count())]


class Unwell(Exception):
    """An action that fails."""


def fail() -> None:
    ledger.record(said("never"))
    raise Unwell
