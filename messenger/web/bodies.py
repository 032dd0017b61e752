"""Bodies of requests on their way in: what is too large for memory lies on the disk sealed, never as it came.

Twisted (under Daphne) and Django each put a large body into a temporary file before a view sees it. Here that file is
encrypted under a key that exists in this process's memory only, and is cut at the size of the largest file that may be
attached: what a view finds longer than that it refuses.
"""

import os
import tempfile
from io import BytesIO
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from daphne import http_protocol
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.core.handlers.asgi import ASGIHandler

IN_MEMORY_BYTES = 256 * 1024
PIECE_BYTES = 65_536
_BLOCK = 16
_CONTENT_TYPE = b"content-type"


class SealedBody:
    """A file that is written once from the beginning, then read. On the disk it is AES-256-CTR under a passing key."""

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._key = os.urandom(32)
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 (closed by close())
        self._cipher = self._cipher_at(0)

    @property
    def closed(self) -> bool:
        return self._file.closed

    def write(self, plain: bytes) -> int:
        """Add bytes; what is beyond the limit is dropped, but for one byte that shows that there was more."""
        room = self._limit + 1 - self._file.tell()
        self._file.write(self._cipher.update(plain[: max(0, room)]))
        return len(plain)

    def read(self, size: int = -1) -> bytes:
        plain: bytes = self._cipher.update(self._file.read(size))
        return plain

    def readline(self, size: int = -1) -> bytes:
        """Return bytes up to and with the next newline, but no more than a piece of 64 KiB."""
        place = self.tell()
        piece = self.read(PIECE_BYTES if size < 0 else min(size, PIECE_BYTES))
        line = piece[: piece.find(b"\n") + 1] or piece
        self.seek(place + len(line))
        return line

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        self._file.seek(place, whence)
        self._cipher = self._cipher_at(self._file.tell())
        return self._file.tell()

    def close(self) -> None:
        self._file.close()

    def _cipher_at(self, place: int) -> Any:  # Any: the context is one of two classes of the library
        blocks, within = divmod(place, _BLOCK)
        cipher = Cipher(algorithms.AES256(self._key), modes.CTR(blocks.to_bytes(_BLOCK, "big"))).encryptor()
        cipher.update(bytes(within))
        return cipher


def new_body() -> SealedBody:
    return SealedBody(limit_bytes=settings.ONRECORD_ATTACHMENT_MAX_MB * 1024 * 1024)


class SealedBodyHandler(ASGIHandler):
    """Django's door for HTTP, with sealed bodies."""

    async def read_body(self, receive: Any) -> SealedBody | BytesIO:  # type: ignore[override]  # Django reads either
        """Gather the body; raises RequestAborted when the client goes before its end. (Any: ASGI's callable.)"""
        message = await receive()
        if not message.get("body") and not message.get("more_body", False) and message["type"] == "http.request":
            return BytesIO()  # nothing to seal: most calls only read
        body = new_body()
        while message["type"] == "http.request":
            body.write(message.get("body", b""))
            if not message.get("more_body", False):
                body.seek(0)
                return body
            message = await receive()
        body.close()
        raise RequestAborted


class NoFiles(FileUploadHandler):
    """Skips every file of a form: no form takes one, and Django's own handlers would write it to the disk as it is."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's signature
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Nothing is kept."""

    def file_complete(self, file_size: int) -> None:
        """There is no file."""


class SealedRequest(http_protocol.WebRequest):
    """A request under Daphne, with a sealed body that Twisted does not read as a form."""

    _content_types: list[bytes] | None = None

    def gotLength(self, length: int | None) -> None:  # noqa: N802 (Twisted's name)
        self.content = new_body() if length != 0 else BytesIO()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802 (Twisted's name)
        # Twisted reads a form as a whole into memory, for arguments that nobody asks for: it must not see one.
        self._content_types = self.requestHeaders.getRawHeaders(_CONTENT_TYPE)
        self.requestHeaders.removeHeader(_CONTENT_TYPE)
        super().requestReceived(command, path, version)

    def process(self) -> Any:
        if self._content_types is not None:
            self.requestHeaders.setRawHeaders(_CONTENT_TYPE, self._content_types)
        return super().process()


def seal_bodies_of_daphne() -> None:
    """Have Daphne's server of this process make requests of ours; before it listens."""
    http_protocol.WebRequest = SealedRequest
