"""The witness over HTTP: POST /add-checkpoint and nothing else. TLS ends at a reverse proxy.

It must not hold more of a request than a checkpoint can be, nor wait for a slow sender for long.
"""

import contextlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from archive.witness.keeper import TEXT, Answer, Witness
from archive.witness.request import SIZE_LIMIT_BYTES

PATH = "/add-checkpoint"
READ_TIMEOUT_S = 10
CONNECTION_S = 60  # the longest that a connection lives, however little it is slow at a time
MOST_DIGITS = len(str(SIZE_LIMIT_BYTES))


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness; port 0 takes a free one, `server_port` says which."""

    daemon_threads = True

    def __init__(self, witness: Witness, *, host: str, port: int, connection_s: float = CONNECTION_S) -> None:
        super().__init__((host, port), _Handler)
        self.witness = witness
        self.connection_s = connection_s


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    server_version = "OnRecord-witness"
    sys_version = ""
    protocol_version = "HTTP/1.1"  # keeps the connection open between requests
    timeout = READ_TIMEOUT_S

    def handle(self) -> None:
        # A time-out for each read would let a sender go on for ever, a byte at a time.
        end = threading.Timer(self.server.connection_s, self._hang_up)
        end.daemon = True
        end.start()
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # we or they hung up
        finally:
            end.cancel()

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):  # they were first
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_POST(self) -> None:
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or not size.isascii() or len(size) > MOST_DIGITS or int(size) > SIZE_LIMIT_BYTES:
            self.close_connection = True  # what follows was not read
            self._send(Answer(400, f"a request has a Content-Length of at most {SIZE_LIMIT_BYTES} bytes\n"))
            return
        body = self.rfile.read(int(size))
        if self.path != PATH:
            self._send(Answer(404, "not found\n"))
            return
        self._send(self.server.witness.add_checkpoint(body, at_s=int(time.time())))

    def _send(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type or TEXT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
