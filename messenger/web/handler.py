"""Django's door for HTTP with one change of threads for each request: everything of it runs in one thread of a pool.

Django's own makes a thread for each request and goes to and fro: for its signals, for a chain of middleware that is
half of one kind and half of the other, and to close. That was two thirds of what a small call of the API cost. What a
view streams still goes out piece by piece, and ends when nobody listens any more. Must not know any view.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from asgiref.sync import sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import get_script_prefix
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from messenger.web.bodies import SealedBodyHandler

# Requests that are worked on at once; most wait for the database, which has far fewer connections. Others wait here.
MOST_AT_ONCE = 256
Result = TypeVar("Result")


class OneThreadHandler(SealedBodyHandler):
    """Answers HTTP requests. The middleware is one chain without `await`."""

    def __init__(self) -> None:
        BaseHandler.__init__(self)  # Django's own __init__ would make the other chain
        self.load_middleware(is_async=False)
        self._threads = ThreadPoolExecutor(max_workers=MOST_AT_ONCE, thread_name_prefix="request")

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:  # Any: ASGI's scope and callables
        """Answer one request; who goes away while a thread works on it does not stop the thread, as in Django."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        set_script_prefix(get_script_prefix(scope))
        response = await self._in_thread(self._respond, scope, body)
        if response.streaming:
            await self._stream(response, receive, send)
        else:
            await self.send_response(response, send)

    async def _in_thread(self, function: Callable[..., Result], *args: Any) -> Result:
        return await sync_to_async(function, thread_sensitive=False, executor=self._threads)(*args)

    def _respond(self, scope: Any, body: Any) -> HttpResponseBase:
        """Return the response; the connection to the database is given back, and what does not stream is closed."""
        signals.request_started.send(sender=self.__class__, scope=scope)
        response = self._answer(scope, body)
        response._handler_class = self.__class__  # type: ignore[attr-defined]  # as Django does: who has finished
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if response.streaming:
            close_old_connections()  # it will be closed by another thread
        else:
            response.close()
        return response

    def _answer(self, scope: Any, body: Any) -> HttpResponseBase:
        request, unreadable = self.create_request(scope, body)
        if unreadable is not None:
            body.close()
        return unreadable or self.get_response(cast("HttpRequest", request))

    async def _stream(self, response: HttpResponseBase, receive: Any, send: Any) -> None:
        """Send piece by piece until the end, or until the client has gone."""
        sending = asyncio.create_task(self.send_response(response, send))
        listening = asyncio.create_task(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, listening):
                task.cancel()
            ended = await asyncio.gather(sending, listening, return_exceptions=True)
            await self._in_thread(response.close)
        if isinstance(ended[0], Exception):  # a failure of ours, which the server logs
            raise ended[0]
