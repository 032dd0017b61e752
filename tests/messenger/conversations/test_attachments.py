"""Files in messages: durable before they are acknowledged, opened through their entry only, refused in words."""

import hashlib
import io
import threading
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from archive import ledger, retention, search
from archive.events import attachments_of
from archive.models import Blob
from messenger.conversations import actions, attachments, membership, moderation, queries
from messenger.conversations.access import access_conversation
from messenger.conversations.models import Message, RefusedPost, Upload
from messenger.conversations.opening import open_client_thread
from messenger.people.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable
from messenger.people.models import Person
from messenger.policy.actions import add_rule
from tests.cast import Cast
from tests.messenger.conversations import office, samples

pytestmark = pytest.mark.django_db
DAY = timedelta(hours=24)


def send_up(
    person: Person, data: bytes = samples.PDF, name: str = "terms.pdf", *, age: timedelta | None = None
) -> Upload:
    at = timezone.now() - (age or timedelta())
    return attachments.take_in(person, io.BytesIO(data), name=name, at=at)


def post(
    person: Person, conversation: object, *uploads: Upload, body: str = "", key: uuid.UUID | None = None
) -> Message:
    outcome = actions.post_message(
        person,
        conversation_id=conversation.pk,  # type: ignore[attr-defined]
        client_key=key or uuid.uuid4(),
        body=body,
        attachments=[upload.pk for upload in uploads],
    )
    assert isinstance(outcome, actions.Posted), outcome
    return outcome.message


def fetched(person: Person, message: Message, place: int = 0) -> bytes:
    stored = attachments.access_file(person, message.conversation_id, message.n, place)
    return b"".join(stored.read())


def blob_path(digest: str) -> Path:
    return Path(settings.ONRECORD_BLOB_DIR) / digest[:2] / digest


# --- in and out ------------------------------------------------------------------------------------------------------
# rule: us-sec-17a-4-communications
def test_a_posted_file_is_in_the_record_and_comes_back_byte_by_byte(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    data = samples.PDF + bytes(300_000)
    message = post(cast.alice, conversation, send_up(cast.alice, data), body="The terms")
    entry = ledger.open_entry(message.seq)
    (file,) = attachments_of(entry.content)
    assert (file.name, file.type, file.size_bytes) == ("terms.pdf", "application/pdf", len(data))
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert fetched(cast.bob, message) == data
    assert b"/Type /Catalog" not in blob_path(file.blob).read_bytes()
    assert '"att.0"' in ledger.leaf_text(message.seq)


def test_files_keep_their_order_and_an_image_its_size(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    picture = send_up(cast.alice, samples.image(40, 30), "chart.png")
    message = post(cast.alice, conversation, send_up(cast.alice, samples.TEXT, "a.txt"), picture)
    (frame,) = queries.read_page(access_conversation(cast.bob, conversation.pk)).messages
    assert frame["body"] == ""
    assert frame["attachments"] == [
        {"id": 0, "name": "a.txt", "type": "text/plain", "size": len(samples.TEXT), "width": None, "height": None},
        {"id": 1, "name": "chart.png", "type": "image/png", "size": picture.size_bytes, "width": 40, "height": 30},
    ]
    assert fetched(cast.bob, message, 0) == samples.TEXT


def test_nothing_of_a_waiting_or_posted_file_stands_in_the_clear(cast: Cast) -> None:
    secret = b"Kumquat-" * 2_000
    message = post(cast.alice, office.direct(cast.alice, cast.bob), send_up(cast.alice, secret, "n.txt"))
    send_up(cast.alice, secret, "waiting.txt")
    for path in Path(settings.ONRECORD_BLOB_DIR).rglob("*"):
        assert not path.is_file() or b"Kumquat" not in path.read_bytes()
    key = bytes.fromhex(attachments_of(ledger.open_entry(message.seq).content)[0].key)
    waiting = Upload.objects.get()
    assert key not in bytes(waiting.wrapped)
    assert not Upload.objects.filter(pk=uuid.UUID(int=0)).exists()


def test_the_name_of_a_file_is_found_by_a_search(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    message = post(cast.alice, conversation, send_up(cast.alice, name="kingfisher plans.pdf"))
    page = search.find(search.Query(words="kingfisher"))
    assert [hit.seq for hit in page.hits] == [message.seq]


# --- one time, one person, one message -------------------------------------------------------------------------------
def test_the_same_client_key_again_gives_the_same_message_with_its_files(cast: Cast) -> None:
    conversation, key = office.direct(cast.alice, cast.bob), uuid.uuid4()
    upload = send_up(cast.alice)
    first = post(cast.alice, conversation, upload, key=key)
    again = post(cast.alice, conversation, upload, key=key)
    assert first.pk == again.pk and again.attachments[0]["name"] == "terms.pdf"
    assert Message.objects.count() == 1


def test_a_file_is_posted_once(cast: Cast) -> None:
    conversation, upload = office.direct(cast.alice, cast.bob), send_up(cast.alice)
    post(cast.alice, conversation, upload)
    with pytest.raises(Invalid) as refusal:
        post(cast.alice, conversation, upload)
    assert refusal.value.field == "attachments"
    assert Message.objects.count() == 1


@pytest.mark.parametrize("whose", ["nobody", "alice's, by bob", "too old"])
def test_an_upload_that_is_unknown_foreign_or_expired_is_refused_by_its_field(cast: Cast, whose: str) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    upload = send_up(cast.alice, age=DAY + timedelta(minutes=1) if whose == "too old" else None)
    if whose == "nobody":
        upload.pk = uuid.uuid4()
    size = ledger.latest_checkpoint().size
    with pytest.raises(Invalid) as refusal:
        post(cast.bob if "bob" in whose else cast.alice, conversation, upload)
    assert refusal.value.field == "attachments"
    assert ledger.latest_checkpoint().size == size and not Message.objects.exists()


@pytest.mark.parametrize("wanted", ["x", [1], ["no uuid"], [uuid.UUID(int=1)] * 2, [uuid.uuid4() for _ in range(11)]])
def test_a_list_that_is_none_is_refused_by_its_field(cast: Cast, wanted: object) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    with pytest.raises(Invalid) as refusal:
        actions.post_message(
            cast.alice,
            conversation_id=conversation.pk,
            client_key=uuid.uuid4(),
            body="hello",
            attachments=wanted,  # type: ignore[arg-type]
        )
    assert refusal.value.field == "attachments"


def test_a_message_needs_words_or_a_file(cast: Cast) -> None:
    with pytest.raises(Invalid) as refusal:
        post(cast.alice, office.direct(cast.alice, cast.bob), body="  ")
    assert refusal.value.field == "body"


@pytest.mark.django_db(transaction=True)
def test_of_two_posts_that_want_one_file_one_gets_it(cast: Cast) -> None:
    conversation, upload = office.direct(cast.alice, cast.bob), send_up(cast.alice)
    outcomes: list[str] = []
    together = threading.Barrier(2)

    def race() -> None:
        together.wait()
        try:
            post(cast.alice, conversation, upload)
            outcomes.append("posted")
        except Invalid as error:
            outcomes.append(str(error.field))
        finally:
            connection.close()

    threads = [threading.Thread(target=race) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["attachments", "posted"]
    assert Message.objects.count() == 1


def test_a_file_that_left_the_store_is_refused_before_anything_is_recorded(cast: Cast) -> None:
    conversation, upload = office.direct(cast.alice, cast.bob), send_up(cast.alice)
    blob_path(upload.blob).unlink()
    with pytest.raises(Invalid) as refusal:
        post(cast.alice, conversation, upload)
    assert refusal.value.field == "attachments" and "terms.pdf" in refusal.value.message
    assert not Message.objects.exists()


def test_refused_words_keep_their_file_in_the_record_and_show_it_to_nobody(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    add_rule("Leak", pattern="secret plan", effect="refuse", by=cast.cora, at=timezone.now())
    upload = send_up(cast.alice, name="secret plan.pdf")
    outcome = actions.post_message(
        cast.alice, conversation_id=conversation.pk, client_key=uuid.uuid4(), body="", attachments=[upload.pk]
    )
    assert isinstance(outcome, actions.Refusal)
    refused = RefusedPost.objects.get()
    (file,) = attachments_of(ledger.open_entry(refused.seq).content)
    assert b"".join(attachments.file_of_entry(refused.seq, 0).read()) == samples.PDF
    assert Blob.objects.get(pk=file.blob).seq == refused.seq
    assert not Message.objects.exists()


def test_a_text_to_a_phone_takes_no_file_and_leaves_it_waiting(cast: Cast) -> None:
    thread = open_client_thread(cast.alice, contact=cast.contact).conversation
    upload = send_up(cast.alice)
    with pytest.raises(Invalid) as refusal:
        post(cast.alice, thread, upload, body="see the file")
    assert refusal.value.field == "attachments"
    assert Upload.objects.filter(pk=upload.pk).exists()


# --- what is taken ---------------------------------------------------------------------------------------------------
def test_what_is_not_taken_leaves_nothing_behind(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ONRECORD_ATTACHMENT_MAX_MB", 1)
    refused = {
        "too large.pdf": samples.PDF + bytes(1024 * 1024),
        "program.pdf": b"MZ" + bytes(500),
        "page.txt": b"<!doctype html><script>1</script>",
        "run.exe": samples.PDF,
        "empty.txt": b"",
        "broken.png": b"\x89PNG\r\n\x1a\n" + bytes(50),
    }
    for name, data in refused.items():
        with pytest.raises(Invalid) as refusal:
            send_up(cast.alice, data, name)
        assert refusal.value.field == "file", name
    assert not Upload.objects.exists() and not Blob.objects.exists()
    assert not list((Path(settings.ONRECORD_BLOB_DIR) / "drafts").glob("*"))


def test_the_firm_says_which_types_are_taken(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ONRECORD_ATTACHMENT_TYPES", ["image/png"])
    send_up(cast.alice, samples.image(), "a.png")
    with pytest.raises(Invalid):
        send_up(cast.alice, samples.PDF)


def test_an_examiner_sends_nothing_up_and_nobody_without_end(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAllowed):
        send_up(cast.erin)
    monkeypatch.setattr(attachments, "MOST_WAITING", 1)
    send_up(cast.alice)
    with pytest.raises(Conflict):
        send_up(cast.alice)


# --- who reads -------------------------------------------------------------------------------------------------------
# rule: us-hipaa-access
def test_only_members_fetch_a_file_and_only_while_they_belong(cast: Cast) -> None:
    conversation = office.group(cast.alice, cast.bob)
    message = post(cast.alice, conversation, send_up(cast.alice))
    assert fetched(cast.bob, message) == samples.PDF
    with pytest.raises(NotFound):
        fetched(cast.charlie, message)
    membership.remove_member(cast.alice, conversation_id=conversation.pk, person_id=cast.bob.pk)
    with pytest.raises(NotFound):
        fetched(cast.bob, message)


def test_who_comes_later_does_not_fetch_what_was_said_before(cast: Cast) -> None:
    conversation = office.group(cast.alice, cast.bob)
    message = post(cast.alice, conversation, send_up(cast.alice))
    membership.add_member(cast.alice, conversation_id=conversation.pk, person_id=cast.charlie.pk)
    with pytest.raises(NotFound):
        fetched(cast.charlie, message)


def test_a_removed_message_shows_no_file(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    message = post(cast.alice, conversation, send_up(cast.alice))
    moderation.remove_message(cast.mona, message=message, reason="Not for this place")
    with pytest.raises(NotFound):
        fetched(cast.bob, message)
    (frame,) = queries.read_page(access_conversation(cast.bob, conversation.pk)).messages
    assert frame["attachments"] == []


@pytest.mark.parametrize("place", [1, 9, 10_000])
def test_a_place_that_is_none_is_absent(cast: Cast, place: int) -> None:
    message = post(cast.alice, office.direct(cast.alice, cast.bob), send_up(cast.alice))
    with pytest.raises(NotFound):
        fetched(cast.bob, message, place)


# --- away ------------------------------------------------------------------------------------------------------------
def test_a_file_that_nobody_posts_goes_after_a_day_and_one_of_the_record_never(cast: Cast) -> None:
    old = timezone.now() - timedelta(hours=26)
    message = post(cast.alice, office.direct(cast.alice, cast.bob), send_up(cast.alice))
    Blob.objects.update(at=old)
    waiting = send_up(cast.alice, samples.TEXT, "young.txt")
    expired = send_up(cast.alice, samples.TEXT, "old.txt", age=timedelta(hours=26))
    lost = send_up(cast.alice, samples.TEXT, "lost.txt", age=timedelta(hours=26))
    Upload.objects.filter(pk=lost.pk).delete()
    assert attachments.sweep() == 2
    assert not blob_path(expired.blob).exists() and not blob_path(lost.blob).exists()
    assert blob_path(waiting.blob).exists()
    assert fetched(cast.bob, message) == samples.PDF


def test_one_gives_up_ones_own_file_and_nobody_elses(cast: Cast) -> None:
    upload = send_up(cast.alice)
    with pytest.raises(NotFound):
        attachments.give_up(cast.bob, upload_id=upload.pk)
    attachments.give_up(cast.alice, upload_id=upload.pk)
    attachments.sweep()
    assert not blob_path(upload.blob).exists() and not Upload.objects.exists()


def test_the_key_of_a_day_is_destroyed_once_its_files_cannot_wait_any_more(cast: Cast) -> None:
    old, young = send_up(cast.alice, age=timedelta(days=40)), send_up(cast.alice)
    old_path, young_path = (
        Path(settings.ONRECORD_KEY_DIR) / "buckets" / upload.bucket.replace("/", "_") for upload in (old, young)
    )
    assert old_path.exists() and len(_unwrapped(old)) == 32
    attachments.sweep()
    assert young_path.exists() and not old_path.exists()
    with pytest.raises(ledger.KeyMissing):
        _unwrapped(old)
    assert len(_unwrapped(young)) == 32


def _unwrapped(upload: Upload) -> bytes:
    kept = attachments.uploads.KeptKey(upload.bucket, bytes(upload.wrapped))
    return attachments.uploads.unwrap_key(kept, upload=upload.pk)


@pytest.mark.django_db(transaction=True)
@pytest.mark.breaks_the_record  # the invariants open every message, and this one is gone
def test_a_disposal_takes_the_file_along_and_the_record_stays_sound(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    old = timezone.now() - timedelta(days=8 * 366)
    upload, kept = send_up(cast.alice), send_up(cast.alice, samples.TEXT, "kept.txt")
    outcome = actions.post_message(
        cast.alice, conversation_id=conversation.pk, client_key=uuid.uuid4(), body="", attachments=[upload.pk], at=old
    )
    assert isinstance(outcome, actions.Posted)
    message = post(cast.alice, conversation, kept)
    officers = {"asked_by": cast.carl.as_actor(), "approved_by": cast.cora.as_actor()}
    done = retention.dispose_expired(reason="The term has ended", at=timezone.now(), **officers)
    assert done.count == 1
    assert not blob_path(upload.blob).exists() and not Blob.objects.filter(pk=upload.blob).exists()
    assert fetched(cast.bob, message) == samples.TEXT
    with pytest.raises((Conflict, NotFound)):
        fetched(cast.bob, outcome.message)
    assert not ledger.check_blobs() and ledger.check().is_sound


# --- trouble ---------------------------------------------------------------------------------------------------------
@pytest.mark.breaks_the_record
def test_a_file_that_was_replaced_is_not_given_out_and_the_check_names_its_entry(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    message = post(cast.alice, conversation, send_up(cast.alice))
    other = post(cast.alice, conversation, send_up(cast.alice, samples.PDF[:-1] + b" "))
    mine, theirs = (blob_path(attachments_of(ledger.open_entry(m.seq).content)[0].blob) for m in (message, other))
    mine.chmod(0o600)
    mine.write_bytes(theirs.read_bytes())
    with pytest.raises(Unavailable):
        fetched(cast.bob, message)
    assert [problem.seq for problem in ledger.check_all().problems] == [message.seq]
    theirs.unlink()
    assert [problem.seq for problem in ledger.check_all().problems] == [message.seq, other.seq]
