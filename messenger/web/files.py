"""Files over HTTP: one request sends one up, one fetches one. What may be taken or read is decided elsewhere.

Whatever a file is, it is answered as a download that no browser runs: attachment, nosniff, a sandbox without rights.
"""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import parse_header_parameters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from messenger.conversations import attachments
from messenger.conversations.attachments import StoredFile
from messenger.conversations.frames import instant
from messenger.conversations.models import Upload
from messenger.people import errors
from messenger.web import shapes
from messenger.web.gates import person_of

ANY_FILE = {(200, "application/octet-stream"): OpenApiTypes.BINARY}
NAME = OpenApiParameter(
    "Content-Disposition",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="attachment; filename*=UTF-8''<the file's name, percent-encoded>",
)
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)
_SANDBOX = "default-src 'none'; sandbox"


class RawParser(BaseParser):
    """Leaves the body where it is, whatever it is: the view reads it a piece at a time."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


class UploadsView(APIView):
    parser_classes = (RawParser,)

    @extend_schema(
        request={"application/octet-stream": OpenApiTypes.BINARY},
        parameters=[NAME],
        responses={201: shapes.UploadShape},
    )
    def post(self, request: Request) -> Response:
        """Send a file up: the body is the file. It waits a day for the message that names its id in `attachments`."""
        person, name = person_of(request), _name_of(request)
        _refuse_too_large(request)
        upload = attachments.take_in(person, request._request, name=name)
        return Response(upload_frame(upload), status=201)


class UploadView(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, upload_id: str) -> Response:
        """Remove a file that I have sent up and not posted."""
        try:
            wanted = UUID(upload_id)
        except ValueError as error:
            raise errors.NotFound from error
        attachments.give_up(person_of(request), upload_id=wanted)
        return Response(status=204)


class FileView(APIView):
    @extend_schema(responses=ANY_FILE)
    def get(self, request: Request, conversation_id: int, n: int, place: int) -> HttpResponseBase:
        """A file of a message. One range is understood (`Range: bytes=0-99`)."""
        stored = attachments.access_file(person_of(request), conversation_id, n, place)
        return file_response(request._request, stored)


def upload_frame(upload: Upload) -> dict[str, Any]:
    return {
        "id": str(upload.pk),
        "name": upload.name,
        "type": upload.type,
        "size": upload.size_bytes,
        "width": upload.width,
        "height": upload.height,
        "expires_at": instant(upload.at + attachments.LIFETIME),
    }


def file_response(request: HttpRequest, stored: StoredFile) -> HttpResponseBase:
    """Answer with a file or the range that was asked for. The first piece is read before anything is answered."""
    size = stored.file.size_bytes
    wanted = _range_of(request.headers.get("Range", ""), size=size)
    if wanted is None:
        return _with_headers(HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"}), stored, length=0)
    start, end = wanted
    pieces = stored.read(start=start, end=end)
    first = next(pieces, b"")
    body = _rest_async(first, pieces) if isinstance(request, ASGIRequest) else _rest(first, pieces)
    response = StreamingHttpResponse(body, status=200 if end - start == size else 206)
    if response.status_code == 206:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return _with_headers(response, stored, length=end - start)


def _with_headers(response: HttpResponseBase, stored: StoredFile, *, length: int) -> HttpResponseBase:
    plain, encoded = re.sub(r"[^A-Za-z0-9._ -]", "_", stored.file.name), quote(stored.file.name, safe="")
    response["Content-Type"] = stored.file.type
    response["Content-Length"] = str(length)
    response["Content-Disposition"] = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = _SANDBOX
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    response["Accept-Ranges"] = "bytes"
    return response


def _rest(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from pieces


async def _rest_async(first: bytes, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Read the pieces in a thread: Django would read a plain iterator as a whole into memory first."""
    yield first
    read = sync_to_async(lambda: next(pieces, b""))
    while piece := await read():
        yield piece


def _range_of(header: str, *, size: int) -> tuple[int, int] | None:
    """Return where the answer starts and ends; the whole for what is no single range, None for one outside."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or not (match[1] or match[2]):
        return 0, size
    if not match[1]:  # the last bytes
        return (max(0, size - int(match[2])), size) if int(match[2]) else None
    start, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    return (start, end) if start < end else None


def _name_of(request: Request) -> str:
    kind, parameters = parse_header_parameters(request.headers.get("Content-Disposition", ""))
    name = parameters.get("filename", "")
    if kind != "attachment" or not name:
        raise errors.Invalid("file", "Content-Disposition must name the file: attachment; filename*=UTF-8''…")
    if (request.content_type or "").startswith(("multipart/", "application/x-www-form-urlencoded")):
        raise errors.Invalid("file", "The body is the file itself, and not a form.")
    return str(name)


def _refuse_too_large(request: Request) -> None:
    """A body that says that it is too large is refused before it is read."""
    length = request.headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length[:18]) > attachments.largest_file_bytes():
        raise attachments.too_large()
