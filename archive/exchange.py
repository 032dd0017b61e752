"""One HTTP exchange with somebody outside, with one end for the whole of it: who answers a byte a second is too slow.

It must not follow a redirect (the operator named one address, not another), and must not hold more of an answer than
the caller allows.
"""

import http.client
import io
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import partial
from typing import Any

TIMED_OUT = "timed out"  # as the socket itself says it


@dataclass(frozen=True)
class Answer:
    """What came back. `body` is cut off behind the limit, by one byte more, so that the caller sees that it was."""

    status: int
    body: bytes


class NoAnswer(Exception):
    """Nothing came, or not the whole of it in time. Trying again later may help."""


def post(url: str, *, body: bytes, content_type: str, timeout_s: float, limit_bytes: int) -> Answer:
    """Send bytes and return the answer, whatever its status. Raises NoAnswer.

    The whole of it takes `timeout_s` at most; a host with several addresses that do not answer, as much for each.
    """
    outgoing = urllib.request.Request(url, data=body, headers={"Content-Type": content_type})  # noqa: S310 (as set up)
    try:
        with _opener.open(outgoing, timeout=timeout_s) as answer:
            return Answer(answer.status, answer.read(limit_bytes + 1))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _rest(error, limit_bytes=limit_bytes))
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(str(getattr(error, "reason", error))) from error


def _rest(error: urllib.error.HTTPError, *, limit_bytes: int) -> bytes:
    try:
        return error.read(limit_bytes + 1)
    except (OSError, http.client.HTTPException) as failure:
        raise NoAnswer(str(failure)) from failure


class _Hurried(io.RawIOBase):
    """Reads from a socket until the end comes; a time-out for each read alone would let it drip for ever."""

    def __init__(self, raw: Any, sock: Any, *, end: float) -> None:  # Any: http.client's, plain or TLS
        self._raw, self._sock, self._end = raw, sock, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # Any: as the base class declares it
        left_s = self._end - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(TIMED_OUT)
        self._sock.settimeout(left_s)
        read: int | None = self._raw.readinto(buffer)
        return read

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, end: float, **kwargs: Any) -> None:  # Any: as http.client calls it
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Hurried(self.fp.detach(), sock, end=end))


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        _set_end(self)
        super().connect()


class _TlsConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        _set_end(self)
        super().connect()


def _set_end(connection: http.client.HTTPConnection) -> None:
    end = time.monotonic() + float(connection.timeout or 0)
    connection.response_class = partial(_Response, end=end)  # type: ignore[assignment]  # called, and nothing else


class _Plain(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, req)


class _Tls(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_TlsConnection, req)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:  # Any: as the library declares it
        """Return nothing: the redirect then comes back as the status that it is."""


_opener = urllib.request.build_opener(_Plain, _Tls, _NoRedirects)
