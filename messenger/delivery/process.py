"""The one hub of this process: started with the first socket, fed by the bus, kept alive."""

import asyncio
import signal
import threading
from collections.abc import Coroutine
from types import FrameType
from weakref import WeakKeyDictionary

from django.conf import settings

from messenger.delivery import bus
from messenger.delivery.hub import Hub
from messenger.delivery.reading import Source
from messenger.delivery.subscription import Subscription

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()
_tasks: set[asyncio.Task[None]] = set()


def hub_of_this_loop(source: Source) -> Hub:
    """Return the hub of the running event loop, starting it when it is the first call."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        hub = Hub(source=source)
        _hubs[loop] = hub
        bus.listen(lambda hint: _pass_from_any_thread(loop, hub, hint))
        _keep(hub.run())
        if settings.REDIS_URL:
            subscription = Subscription(settings.REDIS_URL, lambda hint: _pass(hub, hint))
            hub.interest = subscription
            _keep(subscription.run())
        _say_bye_at_sigterm(loop, hub)
    return _hubs[loop]


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
        loop.call_soon_threadsafe(_pass, hub, hint)


def _pass(hub: Hub, hint: str) -> None:
    conversation_id, _, person_id = hint.partition(" ")
    if person_id:
        _keep(hub.show_typing(int(conversation_id), int(person_id)))
    else:
        hub.mark(int(conversation_id))


def _keep(work: Coroutine[object, object, None]) -> None:
    """Run in the background; the set holds the task, or it could be collected in the middle."""
    task = asyncio.get_running_loop().create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
