"""The one hub of this process: started with the first socket, fed by the bus, kept alive."""

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from types import FrameType

import structlog
from django.conf import settings

from messenger.delivery import bus, metrics
from messenger.delivery.hub import Hub
from messenger.delivery.presence import Presence
from messenger.delivery.reading import Fresh, Source
from messenger.delivery.subscription import Subscription

_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}
_endings: dict[asyncio.AbstractEventLoop, Callable[[], None]] = {}  # by which its hub stops to hear the bus
_tasks: set[asyncio.Task[None]] = set()
log = structlog.get_logger(__name__)


def hub_of_this_loop(source: Source) -> Hub:
    """Return the hub of the running event loop, starting it when it is the first call."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _forget_ended()
        hub = Hub(source=source)
        _hubs[loop] = hub
        if source.circles is not None:
            hub.attendance = presence = Presence(circles=source.circles, publish=bus.announce_people)
            _keep(presence.run())
        _endings[loop] = bus.listen(
            lambda hint: _pass_from_any_thread(loop, hub, hint), take=lambda events: _hand_over(loop, hub, events)
        )
        _keep(hub.run())
        if settings.REDIS_URL:
            subscription = Subscription(settings.REDIS_URL, partial(pass_hint, hub))
            hub.audience.interest = subscription
            _keep(subscription.run())
        _say_bye_at_sigterm(loop, hub)
    return _hubs[loop]


def _forget_ended() -> None:
    """Let go of the hubs whose loops are closed. A hub holds its loop, so that no weak reference would do it."""
    for loop in [loop for loop in _hubs if loop.is_closed()]:
        _endings.pop(loop)()
        del _hubs[loop]
    _tasks.difference_update([task for task in _tasks if task.get_loop().is_closed()])


def _say_bye_at_sigterm(loop: asyncio.AbstractEventLoop, hub: Hub) -> None:
    """Before the server's own handler stops it: afterwards it closes the sockets and nothing can be said."""
    server_stops = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or not callable(server_stops):
        return

    def handle(number: int, frame: FrameType | None) -> None:
        # In the loop's turn, not here: a signal may come in the middle of a write.
        loop.call_soon_threadsafe(hub.say_bye)
        server_stops(number, frame)

    signal.signal(signal.SIGTERM, handle)


def _pass_from_any_thread(loop: asyncio.AbstractEventLoop, hub: Hub, hint: str) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(pass_hint, hub, hint)


def _hand_over(loop: asyncio.AbstractEventLoop, hub: Hub, events: Sequence[Fresh]) -> None:
    """Who is not among the lines yet reads their heads after this commit."""
    if hub.lines and not loop.is_closed():
        loop.call_soon_threadsafe(hub.take, events)


def pass_hint(hub: Hub, hint: str) -> None:
    """Tell the hub of a hint. One that cannot be read, of a node of another version say, is counted and passed over."""
    try:
        _pass(hub, hint)
    except ValueError:
        metrics.count(metrics.UNREADABLE)
        log.warning("hint_unreadable")


def _pass(hub: Hub, hint: str) -> None:
    first, _, rest = hint.partition(" ")
    if first == bus.PEOPLE:
        if hub.attendance is not None:
            hub.attendance.hear(rest)
    elif rest.startswith("n"):
        hub.mark(int(first), n=int(rest[1:]))
    elif rest.startswith("r"):
        person, _, n = rest[1:].partition(" n")
        hub.show_reading(int(first), int(person), n=int(n))
    elif rest:
        _keep(_show_typing(hub, int(first), int(rest)))
    else:
        hub.mark(int(first))


async def _show_typing(hub: Hub, conversation_id: int, person_id: int) -> None:
    """Show it if it can be shown: with the database away nobody's name can be read, and nothing is lost."""
    try:
        await hub.show_typing(conversation_id, person_id)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is not worth more than a line
        metrics.count(metrics.DROPPED, reason="unreadable")
        log.warning("typing_not_shown", conversation=conversation_id, error=type(error).__name__)


def _keep(work: Coroutine[object, object, None]) -> None:
    """Run in the background; the set holds the task, or it could be collected in the middle."""
    task = asyncio.get_running_loop().create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
