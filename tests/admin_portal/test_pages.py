"""The portal as people use it: pages, forms and links, through the whole stack."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.test import Client
from django.urls import get_resolver

from admin_portal.models import ExportRequest
from admin_portal.tasks import check_record, make_exports
from messenger.conversations.models import MessageReport
from messenger.people.models import Person
from tests.admin_portal.conftest import PURPOSE, Office, looks_of, record_size, say
from tests.admin_portal.test_exports import ask, ready

ClientFor = Callable[[Person], Client]
Answer = Any  # Django's test client answers with classes of its own
SECRETS = ("Meridian", "lawyer", "guarantee", "in writing")
# Every page of the portal, as an address; POST-only ones are asked with GET too: a 405 would tell that they exist.
ADDRESSES = (
    "/portal/",
    "/portal/purpose/",
    "/portal/review/",
    "/portal/review/1/",
    "/portal/review/1/decision/",
    "/portal/review/1/files/1/1/",
    "/portal/search/",
    "/portal/entries/1/",
    "/portal/entries/1/files/1/",
    "/portal/exports/",
    "/portal/exports/new/",
    "/portal/exports/1/",
    "/portal/exports/1/state/",
    "/portal/exports/1/approve/",
    "/portal/exports/1/refuse/",
    "/portal/exports/1/download/",
    "/portal/parked/",
    "/portal/parked/1/1/",
    "/portal/parked/1/1/retry/",
    "/portal/parked/1/1/set-aside/",
    "/portal/record/",
    "/portal/record/check/",
    "/portal/record/checks/1/",
    "/portal/record/alarms/1/",
)


def text_of(answer: Answer) -> str:
    """Return the visible words of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def without_secrets_of_the_session(answer: Answer) -> str:
    """Return the page without what differs between any two answers."""
    return re.sub(r'(csrf-token" content|csrfmiddlewaretoken" value)="[^"]*"', "", answer.content.decode())


def officer_with_purpose(client_for: ClientFor, person: Person) -> Client:
    client = client_for(person)
    answer = client.post("/portal/purpose/", {"text": PURPOSE, "case_reference": "C-7", "next": "/portal/search/"})
    assert answer["Location"] == "/portal/search/"
    return client


def search(client: Client, **fields: str) -> Answer:
    answer = client.post("/portal/search/", fields, follow=True)
    assert answer.status_code == 200
    return answer


def test_the_addresses_above_are_all_there_are() -> None:
    patterns = {str(pattern.pattern) for pattern in get_resolver("admin_portal.urls").url_patterns}
    asked = {address.removeprefix("/portal/") for address in ADDRESSES}
    assert {re.sub(r"<[^>]+>", "1", pattern) for pattern in patterns} == asked


@pytest.mark.parametrize("name", ["alice", "charlie"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_employee_is_told_the_same_as_for_a_page_that_does_not_exist(
    office: Office, client_for: ClientFor, name: str, method: str
) -> None:
    client = client_for(getattr(office.cast, name))
    nowhere = without_secrets_of_the_session(client.get("/portal-that-is-not-there/"))
    size = record_size()
    for address in ADDRESSES:
        answer = getattr(client, method)(address)
        assert answer.status_code == 404, address
        assert without_secrets_of_the_session(answer) == nowhere, address
    assert record_size() == size


def test_who_is_not_signed_in_is_asked_to_sign_in(office: Office, client: Client) -> None:
    for address in ADDRESSES:
        assert client.get(address)["Location"].startswith("/accounts/login/"), address


def test_the_administrator_sees_no_content_anywhere(
    office: Office, report: MessageReport, client_for: ClientFor
) -> None:
    ask(office)
    client, size = client_for(office.cast.adam), record_size()
    seen = {address: client.get(address) for address in ADDRESSES}
    assert [address for address, answer in seen.items() if answer.status_code == 200] == [
        "/portal/",
        "/portal/parked/",
    ]
    assert not any(secret in text_of(answer) for answer in seen.values() for secret in SECRETS)
    assert "/portal/search/" not in seen["/portal/"].content.decode()
    assert record_size() == size


def test_nothing_is_shown_before_a_purpose_is_stated(office: Office, client_for: ClientFor) -> None:
    client, seq = client_for(office.cast.carl), office.messages[0].seq
    size = record_size()
    for address in ("/portal/search/", f"/portal/entries/{seq}/"):
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/portal/purpose/?next=%2Fportal%2F")
    assert client.post("/portal/search/", {"words": "Meridian"})["Location"].startswith("/portal/purpose/")
    refused = client.post("/portal/purpose/", {"text": "why", "next": ""})
    assert "at least 5 characters" in text_of(refused)
    assert record_size() == size


def test_a_purpose_of_another_session_does_not_count(office: Office, client_for: ClientFor) -> None:
    officer_with_purpose(client_for, office.cast.carl)
    elsewhere = client_for(office.cast.carl)
    assert elsewhere.get("/portal/search/").status_code == 302


def test_the_purpose_page_goes_on_to_the_portal_only(office: Office, client_for: ClientFor) -> None:
    client = client_for(office.cast.carl)
    for elsewhere in ("https://evil.example/", "//evil.example/portal/", "/accounts/logout/", "javascript:alert(1)"):
        answer = client.post("/portal/purpose/", {"text": PURPOSE, "next": elsewhere})
        assert answer["Location"] == "/portal/search/"


def test_a_search_shows_marked_hits_and_keeps_the_words_out_of_the_address(
    office: Office, client_for: ClientFor
) -> None:
    client = officer_with_purpose(client_for, office.cast.carl)
    answer = search(client, words="meridian")
    address = answer.redirect_chain[-1][0]
    assert "meridian" not in address.lower()
    page = answer.content.decode()
    assert "<mark>Meridian</mark>" in page
    assert "2 messages" in text_of(answer)
    assert f"Purpose: {PURPOSE} (C-7)" in text_of(answer)
    again = client.get(address)
    assert "<mark>Meridian</mark>" in again.content.decode(), "reloading shows the results again"
    assert len(looks_of(office.cast.carl, "record.searched")) == 2, "and is a search again"


def test_markup_in_a_message_is_shown_as_it_was_typed(office: Office, client_for: ClientFor) -> None:
    hostile = say(office.cast.alice, office.talk, '<script>alert("hit")</script> <mark>needle</mark>')
    client = officer_with_purpose(client_for, office.cast.carl)
    found = search(client, words="needle").content.decode()
    assert "&lt;mark&gt;<mark>needle</mark>&lt;/mark&gt;" in found
    opened = client.get(f"/portal/entries/{hostile.seq}/").content.decode()
    assert "<script>alert" not in found + opened
    assert "&lt;script&gt;alert" in opened


def test_a_search_that_finds_nothing_says_what_to_try(office: Office, client_for: ClientFor) -> None:
    client = officer_with_purpose(client_for, office.cast.carl)
    assert "No message fits" in text_of(search(client, words="unicorn"))
    assert "Type a word, or choose a person or a day." in text_of(search(client))
    assert "A quotation mark is not closed." in text_of(search(client, words='"open'))
    assert "Enter a valid date." in text_of(search(client, words="x", since="yesterday"))


def test_hits_are_paged(office: Office, client_for: ClientFor) -> None:
    for number in range(26):
        say(office.cast.alice, office.talk, f"needle {number}")
    client = officer_with_purpose(client_for, office.cast.carl)
    first = search(client, words="needle")
    (older,) = re.findall(r'href="(\?[^"]+)" rel="next"', first.content.decode())
    second = client.get("/portal/search/" + older.replace("&amp;", "&"))
    numbers = [set(re.findall(r"/portal/entries/(\d+)/", page.content.decode())) for page in (first, second)]
    assert (len(numbers[0]), len(numbers[1]), numbers[0] & numbers[1]) == (25, 1, set())


def test_an_entry_page_shows_context_evidence_and_the_way_to_an_export(office: Office, client_for: ClientFor) -> None:
    client = officer_with_purpose(client_for, office.cast.carl)
    page = client.get(f"/portal/entries/{office.messages[2].seq}/")
    words = text_of(page)
    assert "no-store" in page["Cache-Control"]
    assert all(message.body in words for message in office.messages[:5])
    assert office.messages[5].body not in words
    assert f"?conversation={office.talk.pk}" in page.content.decode()
    assert "leads from this entry to the signed checkpoint" in words
    assert client.get("/portal/entries/999999/").status_code == 404
    assert client.get(f"/portal/entries/{10**30}/").status_code == 404


def test_an_examiner_looks_but_asks_for_nothing(office: Office, client_for: ClientFor) -> None:
    client = officer_with_purpose(client_for, office.cast.erin)
    page = client.get(f"/portal/entries/{office.messages[2].seq}/").content.decode()
    assert "guarantee" in page
    assert "Export this conversation" not in page
    assert client.get("/portal/exports/").status_code == 404


def test_the_whole_way_from_a_search_to_the_package(office: Office, client_for: ClientFor) -> None:
    carl = officer_with_purpose(client_for, office.cast.carl)
    hits = search(carl, words="guarantee").content.decode()
    (entry,) = re.findall(r'href="(/portal/entries/\d+/)"', hits)
    (form,) = re.findall(r'href="(/portal/exports/new/\?conversation=\d+)"', carl.get(entry).content.decode())
    page = carl.get(form).content.decode()
    assert f"{PURPOSE} (C-7)" in page, "the purpose of the session is offered"
    (key,) = re.findall(r'name="client_key" value="([^"]+)"', page)
    wish = {"client_key": key, "purpose": PURPOSE, "conversations": [str(office.talk.pk)]}
    preview = carl.post(form, wish | {"preview": "yes"})
    assert "7 entries" in text_of(preview)
    assert ExportRequest.objects.count() == 0, "a preview asks for nothing"
    address = carl.post(form, wish)["Location"]
    assert "Another officer decides on it" in text_of(carl.get(address))

    cora = client_for(office.cast.cora)
    assert address in cora.get("/portal/").content.decode()
    assert "being made" in text_of(cora.post(f"{address}approve/", follow=True))
    make_exports()

    assert address in carl.get("/portal/").content.decode()
    ready_page = carl.get(address).content.decode()
    (token,) = re.findall(r'name="token" value="([^"]+)"', ready_page)
    assert 'name="token"' not in cora.get(address).content.decode()
    answer: Any = carl.post(f"{address}download/", {"token": token})
    assert answer["Content-Type"] == "application/zip"
    with ZipFile(BytesIO(b"".join(answer.streaming_content))) as package:
        assert any(name.endswith("verify.py") for name in package.namelist())
    again = carl.post(f"{address}download/", {"token": token, "from": address}, follow=True)
    assert "was downloaded already, and it is handed out once" in text_of(again)


def test_the_asker_gets_no_button_to_decide_and_a_clear_no_without_one(office: Office, client_for: ClientFor) -> None:
    export = ask(office)
    client, address = client_for(office.cast.carl), f"/portal/exports/{export.pk}/"
    assert "approve/" not in client.get(address).content.decode()
    answer = client.post(f"{address}approve/", {"from": address}, follow=True)
    assert "Somebody else decides on what you asked for." in text_of(answer)
    export.refresh_from_db()
    assert export.state == ExportRequest.WAITING


def test_a_refusal_needs_a_reason_and_the_asker_reads_it(office: Office, client_for: ClientFor) -> None:
    address = f"/portal/exports/{ask(office).pk}/"
    cora = client_for(office.cast.cora)
    assert "This field is required." in text_of(cora.post(f"{address}refuse/", {"reason": ""}))
    cora.post(f"{address}refuse/", {"reason": "Too wide"})
    page = text_of(client_for(office.cast.carl).get(address))
    assert "Refused because Too wide" in page


def test_an_export_request_that_is_wrong_names_the_field(office: Office, client_for: ClientFor) -> None:
    client = client_for(office.cast.carl)
    form = f"/portal/exports/new/?conversation={office.talk.pk}"
    key = "7a3c5a8e-52a4-4f2a-9a60-0f1f6a3f0a11"
    nothing = client.post("/portal/exports/new/", {"client_key": key, "purpose": PURPOSE})
    assert "Name at least one conversation" in text_of(nothing)
    backwards = {"client_key": key, "purpose": PURPOSE, "conversations": [str(office.talk.pk)]}
    late = client.post(form, backwards | {"since": "2026-02-02", "until": "2026-01-01"})
    assert "The last day must not be before the first one." in text_of(late)
    assert ExportRequest.objects.count() == 0


def test_the_state_of_an_export_is_told_to_its_page(office: Office, client_for: ClientFor) -> None:
    export = ready(office)
    answer = client_for(office.cast.cora).get(f"/portal/exports/{export.pk}/state/")
    assert answer.json() == {"state": "ready", "is_settled": True}


def test_a_reviewer_removes_a_reported_message(office: Office, report: MessageReport, client_for: ClientFor) -> None:
    mona = client_for(office.cast.mona)
    listed = mona.get("/portal/review/")
    assert "Advice or promise that we may not give" in text_of(listed)
    assert not any(secret in text_of(listed) for secret in SECRETS), "the list shows no content"
    address = f"/portal/review/{report.pk}/"
    assert "guarantee" in text_of(mona.get(address))
    decision = f"{address}decision/"
    assert "This field is required." in text_of(mona.post(decision, {"decision": "remove", "reason": ""}))
    assert "Choose whether" in text_of(mona.post(decision, {"decision": "burn", "reason": "x"}))
    answer = mona.post(decision, {"decision": "remove", "reason": "A promise"}, follow=True)
    assert "Your decision is on record." in text_of(answer)
    seen = text_of(client_for(office.cast.alice).get(f"/c/{office.talk.pk}/"))
    assert "guarantee" not in seen
    assert "Removed after review: " in seen, "the author is told"


def test_a_report_decided_meanwhile_says_so(office: Office, report: MessageReport, client_for: ClientFor) -> None:
    mona, carl = client_for(office.cast.mona), client_for(office.cast.carl)
    decision = f"/portal/review/{report.pk}/decision/"
    mona.post(decision, {"decision": "keep", "reason": "A quotation"})
    late = carl.post(decision, {"decision": "remove", "reason": "A promise", "from": "/portal/review/"}, follow=True)
    assert "This report is decided already." in text_of(late)


def test_a_check_is_asked_for_run_and_shown(office: Office, client_for: ClientFor) -> None:
    client = client_for(office.cast.carl)
    assert "The check was started." in text_of(client.post("/portal/record/check/", follow=True))
    assert 'data-state="waiting"' in client.get("/portal/record/").content.decode()
    check_record()
    page = client.get("/portal/record/")
    assert re.search(r"All [\d,]+ entries are sound", text_of(page))
    assert "data-poll" not in page.content.decode()


def test_pages_cost_a_constant_number_of_queries(
    office: Office, client_for: ClientFor, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    for _ in range(12):
        ask(office)
    for number in range(20):
        say(office.cast.alice, office.talk, f"needle {number}")
    client = officer_with_purpose(client_for, office.cast.carl)
    results = search(client, words="needle").redirect_chain[-1][0]
    for address, most in (("/portal/", 20), ("/portal/exports/", 20), (results, 45)):
        with django_assert_max_num_queries(most):  # type: ignore[attr-defined]  # a context manager
            assert client.get(address).status_code == 200
