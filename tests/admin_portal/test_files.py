"""Files at the desk: shown by name, fetched on record, read from the record, never by who may not read the words."""

import io
import uuid
from collections.abc import Callable

import pytest
from django.test import Client

from admin_portal.file_looks import open_file, open_reported_file
from archive import events, ledger
from messenger.conversations import actions, attachments, moderation
from messenger.conversations.models import Message
from messenger.people.errors import NotFound
from messenger.people.models import Person
from tests.cast import Cast
from tests.messenger.conversations import office, samples

pytestmark = pytest.mark.django_db
PURPOSE = "Complaint 2026-14 of a client"


@pytest.fixture
def message(cast: Cast) -> Message:
    conversation = office.direct(cast.alice, cast.bob)
    office.say(cast.bob, conversation, "Send me the terms")
    upload = attachments.take_in(cast.alice, io.BytesIO(samples.PDF), name="terms.pdf")
    outcome = actions.post_message(
        cast.alice, conversation_id=conversation.pk, client_key=uuid.uuid4(), body="", attachments=[upload.pk]
    )
    assert isinstance(outcome, actions.Posted)
    return outcome.message


def looks_of(person: Person) -> list[ledger.Opened]:
    return [one for one in ledger.read_stream(f"person:{person.pk}") if one.kind == "attachment.opened"]


# rule: us-hipaa-audit-controls
def test_an_officer_fetches_a_file_and_the_look_is_an_entry_with_its_purpose(cast: Cast, message: Message) -> None:
    stored = open_file(cast.carl, purpose=PURPOSE, seq=message.seq, place=0)
    assert b"".join(stored.read()) == samples.PDF
    (look,) = looks_of(cast.carl)
    assert look.content["purpose"] == PURPOSE
    assert (look.content["seq"], look.content["attachment"]) == (message.seq, 0)
    assert look.content["author"] == f"person:{cast.alice.pk}"
    assert look.content["sha256"] == stored.file.sha256


def test_pages_show_the_name_and_give_the_file(
    cast: Cast, message: Message, client_for: Callable[[Person], Client]
) -> None:
    client = client_for(cast.carl)
    address = f"/portal/entries/{message.seq}/files/0/"
    assert client.get(address)["Location"].startswith("/portal/purpose/")
    client.post("/portal/purpose/", {"text": PURPOSE, "case_reference": ""})
    page = client.get(f"/portal/entries/{message.seq}/")
    assert "terms.pdf" in page.content.decode() and address in page.content.decode()
    answer = client.get(address)
    assert b"".join(answer.streaming_content) == samples.PDF  # type: ignore[attr-defined]
    assert answer["Content-Disposition"].startswith("attachment;")
    assert "no-store" in answer["Cache-Control"]
    assert len(looks_of(cast.carl)) == 1


def test_a_reviewer_fetches_what_the_report_shows_and_nothing_else(cast: Cast, message: Message) -> None:
    report = moderation.report_message(
        cast.bob, conversation_id=message.conversation_id, n=message.n, reason="confidential"
    )
    stored = open_reported_file(cast.mona, report_id=report.pk, seq=message.seq, place=0)
    assert b"".join(stored.read()) == samples.PDF
    assert str(looks_of(cast.mona)[0].content["purpose"]).startswith(f"Report {report.pk}")
    for seq, place in ((message.seq, 1), (message.seq + 2, 0), (0, 0)):
        with pytest.raises(NotFound):
            open_reported_file(cast.mona, report_id=report.pk, seq=seq, place=place)
    assert len(looks_of(cast.mona)) == 1


def test_a_removed_message_keeps_its_file_for_the_desk(cast: Cast, message: Message) -> None:
    moderation.remove_message(cast.mona, message=message, reason="Not for this place")
    assert b"".join(open_file(cast.carl, purpose=PURPOSE, seq=message.seq, place=0).read()) == samples.PDF


@pytest.mark.parametrize("name", ["alice", "mona", "adam"])
def test_who_may_not_open_the_record_fetches_nothing_and_leaves_no_entry(
    cast: Cast, message: Message, name: str
) -> None:
    size = ledger.latest_checkpoint().size
    with pytest.raises(NotFound):
        open_file(getattr(cast, name), purpose=PURPOSE, seq=message.seq, place=0)
    assert ledger.latest_checkpoint().size == size


@pytest.mark.breaks_the_record
def test_the_chats_row_cannot_make_the_desk_show_another_file(cast: Cast, message: Message) -> None:
    Message.objects.filter(pk=message.pk).update(attachments=[])
    stored = open_file(cast.carl, purpose=PURPOSE, seq=message.seq, place=0)
    assert stored.file.name == "terms.pdf"
    problems = [problem.what for problem in ledger.check_all().problems]
    assert len(problems) == 1 and "differs from the record in attachments" in problems[0]


def test_an_entry_without_files_has_none(cast: Cast, message: Message) -> None:
    words = Message.objects.get(body="Send me the terms")
    with pytest.raises(NotFound):
        open_file(cast.carl, purpose=PURPOSE, seq=words.seq, place=0)
    assert events.attachments_of(ledger.open_entry(words.seq).content) == []
