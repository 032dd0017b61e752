"""Who waits in an event loop for a thread hears what the thread says, and many are woken at once."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from messenger.delivery.waking import settled


def _in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_set_that_is_settled_together_wakes_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> int:
        loop, calls = asyncio.get_running_loop(), list[object]()
        call = loop.call_soon_threadsafe

        def note(callback: Callable[[], object]) -> asyncio.Handle:
            calls.append(callback)
            return call(callback)

        monkeypatch.setattr(loop, "call_soon_threadsafe", note)
        futures: list[Future[int]] = [Future() for _ in range(100)]
        waiting = [asyncio.ensure_future(settled(future)) for future in futures]
        await asyncio.sleep(0)
        # In the loop's own thread, so that it cannot wake in between.
        for number, future in enumerate(futures):
            future.set_result(number)
        assert await asyncio.gather(*waiting) == list(range(100))
        return len(calls)

    assert asyncio.run(scene()) == 1


def test_nobody_is_forgotten_however_many_threads_settle() -> None:
    async def scene() -> None:
        futures: list[Future[int]] = [Future() for _ in range(4_000)]

        def settle(first: int) -> None:
            for number in range(first, len(futures), 4):
                futures[number].set_result(number)

        waiting = [asyncio.ensure_future(settled(future)) for future in futures]
        await asyncio.sleep(0)
        threads = [_in_thread(lambda first=first: settle(first)) for first in range(4)]  # type: ignore[misc]  # bound at once
        async with asyncio.timeout(20):
            assert await asyncio.gather(*waiting) == list(range(len(futures)))
        for thread in threads:
            thread.join()

    asyncio.run(scene())


def test_what_the_thread_raises_is_raised_and_what_was_settled_before_is_there() -> None:
    async def scene() -> None:
        done: Future[str] = Future()
        done.set_result("before")
        assert await settled(done) == "before"
        broken: Future[str] = Future()
        thread = _in_thread(lambda: broken.set_exception(LookupError("theirs")))
        with pytest.raises(LookupError, match="theirs"):
            await settled(broken)
        thread.join()

    asyncio.run(scene())


def test_who_goes_away_cancels_what_nobody_has_begun() -> None:
    async def scene() -> None:
        future: Future[str] = Future()
        waiting = asyncio.ensure_future(settled(future))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert future.cancelled() and not future.set_running_or_notify_cancel()

    asyncio.run(scene())
