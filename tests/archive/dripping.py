"""A server that answers a byte at a time, each well within any time-out for one read, and never comes to its end."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

STATUS = b"HTTP/1.1 200 OK\r\n"
HEADERS = b"Content-Length: 1000000\r\nContent-Type: application/octet-stream\r\n"
EVERY_S = 0.05


@dataclass
class Dripper:
    """`at_once` is what it sends in one piece before it drips; `dripped` counts bytes over all connections."""

    at_once: bytes
    dripped: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def serve(self, listener: socket.socket) -> None:
        while not self.is_over.is_set():
            with suppress(TimeoutError):
                line, _ = listener.accept()
                threading.Thread(target=self._drip, args=(line,), daemon=True).start()

    def _drip(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            line.settimeout(1)
            line.recv(65_536)
            line.sendall(self.at_once)
            while not self.is_over.wait(EVERY_S):
                line.sendall(b"X")
                self.dripped += 1


@contextmanager
def dripping(at_once: bytes) -> Iterator[Dripper]:
    dripper = Dripper(at_once)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        dripper.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=dripper.serve, args=(listener,))
        thread.start()
        try:
            yield dripper
        finally:
            dripper.is_over.set()
            thread.join()


@contextmanager
def taking_less_than(limit_s: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < limit_s
