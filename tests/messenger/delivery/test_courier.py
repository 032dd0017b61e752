"""The courier when no thread is to be had, or when even doing without fails: later hints are carried all the same."""

import threading
import time

import pytest

from messenger.delivery.courier import Courier


class Postman(Courier[str]):
    """Notes what was carried and what was lost; may be told to fail at either."""

    def __init__(self, *, is_lost: bool = False) -> None:
        self.carried: list[str] = []
        self.lost: list[str] = []
        self.is_lost = is_lost
        super().__init__("postman")

    def put(self, hint: str) -> None:
        self._put(hint)

    def _carry(self, waiting: dict[str, int]) -> None:
        if self.is_lost:
            raise OSError("the outside is away")
        self.carried += waiting

    def _lose(self, waiting: dict[str, int], error: Exception) -> None:
        self.lost += waiting
        if self.is_lost:
            raise RuntimeError("Event loop is closed")


def no_thread(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_without_a_thread_hints_are_done_without_and_the_next_one_is_carried(monkeypatch: pytest.MonkeyPatch) -> None:
    postman = Postman()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        for hint in ("one", "two"):
            postman.put(hint)  # whoever puts it has committed, and hears nothing of this
    assert (postman.lost, postman.flush(0)) == (["one", "two"], True), "nothing piles up"
    postman.put("three")
    assert postman.flush(10)
    assert (postman.carried, postman.lost) == (["three"], ["one", "two"])


def test_a_loss_that_cannot_be_borne_does_not_end_the_courier() -> None:
    postman = Postman(is_lost=True)
    postman.put("one")
    assert postman.flush(10)
    assert postman.lost == ["one"]
    postman.is_lost = False
    postman.put("two")
    assert postman.flush(10)
    assert postman.carried == ["two"]


def test_a_thread_that_has_ended_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    postman = Postman()
    with monkeypatch.context() as patch:
        patch.setattr(postman, "_carry", end_thread)
        postman.put("one")
        deadline = time.monotonic() + 10
        while postman._thread is None or postman._thread.is_alive():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    postman.put("two")
    assert postman.flush(10)
    assert postman.carried == ["two"]


def end_thread(waiting: dict[str, int]) -> None:
    raise SystemExit
