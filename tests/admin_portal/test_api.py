"""The desk's API: the same actions, the same refusals, one shape of errors."""

from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import pytest
from django.test import Client

from admin_portal.making import make_due_exports
from admin_portal.models import ExportRequest
from messenger.conversations.models import MessageReport
from messenger.people.actions import create_token
from messenger.people.models import Person
from tests.admin_portal.conftest import PURPOSE, Office, looks_of, record_size
from tests.admin_portal.test_exports import ask, ready

ClientFor = Callable[[Person], Client]
NOTHING = {"code": "not_found", "field": None, "message": "There is nothing here, or it is not for you."}


def post(client: Client, path: str, body: object = None) -> Any:  # Any: Django's own answer
    return client.post(f"/api/v1/{path}", body if body is not None else {}, content_type="application/json")


def calls(office: Office) -> list[Callable[[Client], Any]]:
    seq = office.messages[0].seq
    scope = {"purpose": PURPOSE, "conversations": [office.talk.pk], "client_key": str(uuid4())}
    return [
        lambda client: post(client, "record/search", {"purpose": PURPOSE, "words": "Meridian"}),
        lambda client: post(client, "record/search", {}),
        lambda client: client.get(f"/api/v1/record/entries/{seq}?purpose=Because+of+a+case"),
        lambda client: client.get("/api/v1/exports"),
        lambda client: post(client, "exports", scope),
        lambda client: client.get("/api/v1/exports/1"),
        lambda client: post(client, "exports/1/approve"),
        lambda client: post(client, "exports/1/refuse", {"reason": "no"}),
        lambda client: client.get("/api/v1/exports/1/download?token=x"),
        lambda client: client.get("/api/v1/reports"),
        lambda client: post(client, "reports/1/decision", {"decision": "removed", "reason": "no"}),
    ]


@pytest.mark.parametrize("name", ["alice", "charlie", "adam"])
def test_who_may_not_gets_the_same_answer_as_for_nothing(
    office: Office, report: MessageReport, client_for: ClientFor, name: str
) -> None:
    ask(office)
    client, size = client_for(getattr(office.cast, name)), record_size()
    for call in calls(office):
        answer = call(client)
        assert (answer.status_code, answer.json()) == (404, NOTHING)
    assert record_size() == size


def test_who_is_not_signed_in_is_told_so(office: Office, client: Client) -> None:
    for call in calls(office):
        answer = call(client)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_a_search_answers_with_pieces_and_is_an_entry(office: Office, client_for: ClientFor) -> None:
    client = client_for(office.cast.erin)
    answer = post(client, "record/search", {"purpose": PURPOSE, "words": "lawyer"}).json()
    (hit,) = answer["results"]
    assert hit["seq"] == office.messages[1].seq
    assert hit["author"] == {"id": f"person:{office.cast.bob.pk}", "name": "Bob"}
    assert hit["conversation"] == {"id": office.talk.pk, "label": "Direct · Alice, Bob"}
    assert [piece["text"] for piece in hit["snippet"] if piece["is_marked"]] == ["lawyer"]
    assert (answer["next"], answer["total"], answer["is_total_exact"]) == (None, 1, True)
    assert len(looks_of(office.cast.erin, "record.searched")) == 1


BAD_SEARCHES: tuple[tuple[dict[str, object], str], ...] = (
    ({"words": "x"}, "purpose"),
    ({"purpose": "", "words": "x"}, "purpose"),
    ({"purpose": PURPOSE, "words": '"open'}, "words"),
    ({"purpose": PURPOSE}, "words"),
    ({"purpose": PURPOSE, "words": "x", "since": "yesterday"}, "since"),
    ({"purpose": PURPOSE, "words": "x", "speaker": "mallory"}, "speaker"),
    ({"purpose": PURPOSE, "words": "x", "after": -1}, "after"),
    ({"purpose": PURPOSE, "words": "a\x00b"}, "words"),
)


def test_a_bad_search_names_its_field_and_is_not_recorded(office: Office, client_for: ClientFor) -> None:
    client, size = client_for(office.cast.carl), record_size()
    for body, field in BAD_SEARCHES:
        answer = post(client, "record/search", body)
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "invalid", field)
    assert record_size() == size


def test_an_entry_is_opened_with_a_purpose_only(office: Office, client_for: ClientFor) -> None:
    client, address = client_for(office.cast.carl), f"/api/v1/record/entries/{office.messages[2].seq}"
    refused = client.get(address)
    assert (refused.status_code, refused.json()["field"]) == (400, "purpose")
    assert looks_of(office.cast.carl, "entry.opened") == []
    look = client.get(f"{address}?purpose=Complaint+of+a+client").json()
    assert look["entry"]["body"] == office.messages[2].body
    assert [len(look[side]) for side in ("before", "after")] == [2, 2]
    assert len(look["evidence"]["leaf_hash"]) == 64
    (entry,) = looks_of(office.cast.carl, "entry.opened")
    assert entry.content["purpose"] == "Complaint of a client"


def test_an_export_goes_from_request_to_package(office: Office, client_for: ClientFor) -> None:
    carl, cora = client_for(office.cast.carl), client_for(office.cast.cora)
    wish = {"purpose": PURPOSE, "conversations": [office.talk.pk], "client_key": str(uuid4())}
    created = post(carl, "exports", wish)
    assert (created.status_code, created.json()["state"]) == (201, "waiting")
    assert post(carl, "exports", wish).json()["id"] == created.json()["id"]
    path = f"exports/{created.json()['id']}"
    own = post(carl, f"{path}/approve")
    assert (own.status_code, own.json()["code"]) == (403, "forbidden")
    assert post(cora, f"{path}/approve").json()["decided_by"]["name"] == "Cora"
    late = post(cora, f"{path}/refuse", {"reason": "too late"})
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    make_due_exports()
    assert cora.get(f"/api/v1/{path}").json()["download_token"] is None
    token = carl.get(f"/api/v1/{path}").json()["download_token"]
    answer: Any = carl.get(f"/api/v1/{path}/download?token={token}")
    with ZipFile(BytesIO(b"".join(answer.streaming_content))) as package:
        assert package.testzip() is None
    again = carl.get(f"/api/v1/{path}/download?token={token}")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_a_head_request_does_not_use_up_the_download(office: Office, client_for: ClientFor) -> None:
    export, carl = ready(office), client_for(office.cast.carl)
    token = carl.get(f"/api/v1/exports/{export.pk}").json()["download_token"]
    assert carl.head(f"/api/v1/exports/{export.pk}/download?token={token}").status_code == 405
    export.refresh_from_db()
    assert export.state == ExportRequest.READY


def test_a_download_token_is_worth_nothing_in_another_session(office: Office, client_for: ClientFor) -> None:
    export = ready(office)
    path = f"/api/v1/exports/{export.pk}"
    token = client_for(office.cast.carl).get(path).json()["download_token"]
    elsewhere = client_for(office.cast.carl)
    assert elsewhere.get(f"{path}/download?token={token}").status_code == 403
    _, secret = create_token(office.cast.carl, name="script")
    script = Client(headers={"Authorization": f"Bearer {secret}"})
    assert script.get(f"{path}/download?token={token}").status_code == 403
    own = script.get(path).json()["download_token"]
    assert script.get(f"{path}/download?token={own}").status_code == 200


BAD_EXPORTS: tuple[tuple[dict[str, object], str], ...] = (
    ({"purpose": ""}, "purpose"),
    ({"client_key": "not a key"}, "client_key"),
    ({"conversations": []}, "conversations"),
    ({"conversations": [10**9]}, "conversations"),
    ({"conversations": ["x"]}, "conversations.0"),
    ({"person": 10**9}, "person"),
    ({"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "until"),
)


def test_a_bad_export_request_names_its_field(office: Office, client_for: ClientFor) -> None:
    client = client_for(office.cast.carl)
    wish = {"purpose": PURPOSE, "conversations": [office.talk.pk], "client_key": str(uuid4())}
    for change, field in BAD_EXPORTS:
        answer = post(client, "exports", wish | change)
        assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert ExportRequest.objects.count() == 0


def test_reports_are_listed_without_content_and_decided(
    office: Office, report: MessageReport, client_for: ClientFor
) -> None:
    mona = client_for(office.cast.mona)
    listed = mona.get("/api/v1/reports")
    assert "guarantee" not in listed.content.decode()
    (row,) = listed.json()["results"]
    assert (row["id"], row["n"], row["comment"]) == (report.pk, office.messages[2].n, "A promise.")
    wrong = post(mona, f"reports/{report.pk}/decision", {"decision": "burnt", "reason": "x"})
    assert (wrong.status_code, wrong.json()["field"]) == (400, "decision")
    done = post(mona, f"reports/{report.pk}/decision", {"decision": "removed", "reason": "A promise"})
    assert (done.status_code, done.json()["state"]) == (200, "removed")
    late = post(mona, f"reports/{report.pk}/decision", {"decision": "kept", "reason": "x"})
    assert (late.status_code, late.json()["code"]) == (409, "conflict")


def test_the_schema_describes_every_call(client_for: ClientFor, office: Office) -> None:
    schema = client_for(office.cast.carl).get("/api/v1/schema/?format=json").json()
    described = {path for path in schema["paths"] if any(word in path for word in ("record/", "exports", "reports"))}
    assert len(described) == 10
