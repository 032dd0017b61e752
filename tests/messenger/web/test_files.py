"""Files over HTTP: sent up as the body, fetched as a download that no browser runs, whole or in part."""

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import AsyncClient, Client

from archive import ledger
from messenger.conversations.models import Conversation, Message, Upload
from messenger.people.actions import create_token, revoke_token
from messenger.people.models import Person
from tests.cast import Cast, sign_in
from tests.messenger.conversations import office, samples

pytestmark = pytest.mark.django_db
ClientFor = Callable[[Person], Client]
BIG = samples.PDF + bytes(range(256)) * 2_000


def send_up(client: Client, data: bytes = BIG, name: str = "Terms – Größe.pdf", **extra: Any) -> Any:
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": disposition, **extra.pop("headers", {})}
    kind = extra.pop("content_type", "application/octet-stream")
    return client.post("/api/v1/uploads", data=data, content_type=kind, headers=headers, **extra)


def post(client: Client, conversation: Conversation, *ids: str, body: str = "") -> Any:
    wish = {"client_key": str(uuid.uuid4()), "body": body, "attachments": list(ids)}
    return client.post(f"/api/v1/conversations/{conversation.pk}/messages", data=wish, content_type="application/json")


@pytest.fixture
def posted(cast: Cast, client_for: ClientFor) -> str:
    """Return the address of a file that alice sent to bob."""
    conversation, client = office.direct(cast.alice, cast.bob), client_for(cast.alice)
    message = post(client, conversation, send_up(client).json()["id"]).json()
    return f"/api/v1/conversations/{conversation.pk}/messages/{message['n']}/attachments/0"


def read(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_a_file_goes_up_into_a_message_and_down_again(cast: Cast, client_for: ClientFor) -> None:
    conversation, client = office.direct(cast.alice, cast.bob), client_for(cast.alice)
    sent = send_up(client)
    assert sent.status_code == 201
    upload = sent.json()
    assert upload.keys() == {"id", "name", "type", "size", "width", "height", "expires_at"}
    assert (upload["name"], upload["type"], upload["size"]) == ("Terms – Größe.pdf", "application/pdf", len(BIG))
    answer = post(client, conversation, upload["id"])
    assert answer.status_code == 201
    message = answer.json()
    assert message["attachments"] == [
        {
            "id": 0,
            "name": "Terms – Größe.pdf",
            "type": "application/pdf",
            "size": len(BIG),
            "width": None,
            "height": None,
        }
    ]
    down = client_for(cast.bob).get(f"/api/v1/conversations/{conversation.pk}/messages/{message['n']}/attachments/0")
    assert down.status_code == 200 and read(down) == BIG


def test_a_download_is_nothing_that_a_browser_runs(posted: str, cast: Cast, client_for: ClientFor) -> None:
    answer = client_for(cast.bob).get(posted)
    assert answer["Content-Disposition"] == (
        "attachment; filename=\"Terms _ Gr__e.pdf\"; filename*=UTF-8''Terms%20%E2%80%93%20Gr%C3%B6%C3%9Fe.pdf"
    )
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Cache-Control"] == "private, no-store"
    assert (answer["Content-Type"], answer["Content-Length"]) == ("application/pdf", str(len(BIG)))


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=65530-65545", 206, 65_530, 65_546),
        ("bytes=100-", 206, 100, None),
        ("bytes=-50", 206, -50, None),
        ("bytes=0-99999999", 200, 0, None),
        ("bytes=5-4", 416, 0, 0),
        ("bytes=99999999-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=0-1,5-6", 200, 0, None),
        ("lines=1-2", 200, 0, None),
    ],
)
def test_a_range_is_answered_exactly(
    posted: str, cast: Cast, client_for: ClientFor, asked: str, status: int, start: int, end: int | None
) -> None:
    answer = client_for(cast.bob).get(posted, headers={"Range": asked})
    assert answer.status_code == status
    expected = BIG[start:end]
    assert (read(answer) if answer.streaming else answer.content) == expected
    assert answer["Content-Length"] == str(len(expected))
    if status == 206:
        first = start if start >= 0 else len(BIG) + start
        assert answer["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(BIG)}"
    if status == 416:
        assert answer["Content-Range"] == f"bytes */{len(BIG)}"


@pytest.mark.django_db(transaction=True)
async def test_a_download_is_streamed_under_asgi_too(posted: str, cast: Cast) -> None:
    _, secret = await _token(cast.bob)
    answer = await AsyncClient().get(posted, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200
    pieces = [piece async for piece in answer.streaming_content]  # type: ignore[attr-defined]
    assert b"".join(pieces) == BIG
    await sync_to_async(connections.close_all)()  # those of the thread that answered


async def _token(person: Person) -> Any:
    return await sync_to_async(create_token)(person, name="robot")


def test_a_token_sends_and_fetches_until_it_is_revoked(cast: Cast, posted: str) -> None:
    token, secret = create_token(cast.bob, name="robot")
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert read(client.get(posted)) == BIG
    assert send_up(client).status_code == 201
    revoke_token(cast.bob, token=token)
    assert client.get(posted).status_code == 401
    assert send_up(client).status_code == 401
    assert Upload.objects.filter(person=cast.bob).count() == 1


def test_whoever_is_outside_gets_the_404_of_what_is_not_there(posted: str, cast: Cast, client_for: ClientFor) -> None:
    charlie = client_for(cast.charlie)
    assert charlie.get(posted).content == charlie.get(posted.replace("/messages/", "/messages/99")).content
    assert charlie.get(posted).status_code == 404
    assert Client().get(posted).status_code == 401


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"headers": {"Content-Disposition": "inline"}}, 400),
        ({"headers": {"Content-Disposition": "attachment"}}, 400),
        ({"content_type": "multipart/form-data; boundary=x"}, 400),
        ({"data": b"MZ" + bytes(200)}, 400),
        ({"data": b""}, 400),
        ({"name": "page.html"}, 400),
    ],
)
def test_what_is_not_taken_is_refused_with_the_field_named(
    cast: Cast, client_for: ClientFor, change: dict[str, Any], status: int
) -> None:
    answer = send_up(client_for(cast.alice), **change)
    assert answer.status_code == status
    assert (answer.json()["code"], answer.json()["field"]) == ("invalid", "file")
    assert not Upload.objects.exists()


def test_a_file_that_says_it_is_too_large_is_not_read_and_one_that_is_leaves_nothing(
    cast: Cast, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ONRECORD_ATTACHMENT_MAX_MB", 1)
    answer = send_up(client_for(cast.alice), samples.PDF + bytes(1024 * 1024))
    assert answer.status_code == 400
    assert answer.json()["message"] == "The file is larger than 1 MB."


def test_an_examiner_sends_nothing_up(cast: Cast, client_for: ClientFor) -> None:
    assert send_up(client_for(cast.erin)).status_code == 403


def test_a_file_is_taken_back_before_it_is_posted(cast: Cast, client_for: ClientFor) -> None:
    client = client_for(cast.alice)
    address = f"/api/v1/uploads/{send_up(client).json()['id']}"
    assert client_for(cast.bob).delete(address).status_code == 404
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 404
    assert client.delete("/api/v1/uploads/none").status_code == 404


@pytest.mark.parametrize("wanted", [["x"], "x", [1], [str(uuid.UUID(int=5))], {}])
def test_a_post_with_uploads_that_are_none_is_refused_by_its_field(
    cast: Cast, client_for: ClientFor, wanted: Any
) -> None:
    conversation, client = office.direct(cast.alice, cast.bob), client_for(cast.alice)
    size = ledger.latest_checkpoint().size
    wish = {"client_key": str(uuid.uuid4()), "body": "hello", "attachments": wanted}
    answer = client.post(
        f"/api/v1/conversations/{conversation.pk}/messages", data=wish, content_type="application/json"
    )
    assert answer.status_code == 400 and answer.json()["field"].startswith("attachments")
    assert ledger.latest_checkpoint().size == size and not Message.objects.exists()


def test_a_form_with_a_file_leaves_no_file_anywhere(cast: Cast, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    conversation, client = office.direct(cast.alice, cast.bob), sign_in(cast.alice)
    big = SimpleUploadedFile("a.txt", b"secret" * 600_000)
    answer = client.post(f"/c/{conversation.pk}/post/", {"body": "words", "file": big})
    assert answer.status_code == 302 and Message.objects.get().body == "words"
    assert not list(tmp_path.iterdir()) and not Upload.objects.exists()
