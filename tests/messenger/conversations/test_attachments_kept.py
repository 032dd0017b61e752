"""Files that cannot be kept, or are too many: nothing waits for a message then, and the person is told."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from archive import ledger
from messenger.conversations import attachments
from messenger.conversations.models import Upload
from messenger.people.errors import Conflict, Unavailable
from tests.archive.blob_stores import CREDENTIALS, new_bucket, running_s3
from tests.cast import Cast
from tests.messenger.conversations import office, samples
from tests.messenger.conversations.test_attachments import fetched, post, send_up

pytestmark = pytest.mark.django_db


def test_a_file_whose_key_cannot_be_kept_is_not_taken_and_that_is_said(cast: Cast) -> None:
    """As while a hardware security module is away."""
    damaged = Path(settings.ONRECORD_KEY_DIR) / "buckets" / "upload_2031-01-02"
    damaged.write_bytes(b"no key")
    try:
        with pytest.raises(Unavailable, match="could not be kept"):
            attachments.take_in(cast.alice, io.BytesIO(samples.PDF), name="a.pdf", at=datetime(2031, 1, 2, tzinfo=UTC))
    finally:
        damaged.unlink()
    assert not Upload.objects.exists()


def test_files_on_their_way_at_the_same_time_are_counted_as_well(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MOST_WAITING", 1)

    class Slow(io.BytesIO):
        """While this one is read, another one comes and is kept."""

        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 0 and not Upload.objects.exists():
                attachments.take_in(cast.alice, io.BytesIO(samples.PDF), name="first.pdf")
            return super().read(size)

    with pytest.raises(Conflict):
        attachments.take_in(cast.alice, Slow(samples.PDF), name="second.pdf")
    assert Upload.objects.count() == 1


def test_files_may_live_in_s3(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with running_s3() as endpoint:
        bucket = new_bucket(endpoint)
        address = f"s3://{bucket.name}/{bucket.prefix}?region={bucket.region}&endpoint="
        monkeypatch.setattr(settings, "ONRECORD_BLOB_STORE", f"{address}{endpoint}")
        data = samples.PDF + bytes(2_000_000)
        message = post(cast.alice, office.direct(cast.alice, cast.bob), send_up(cast.alice, data))
        assert fetched(cast.bob, message) == data
        assert ledger.check_all().is_sound
        waiting = send_up(cast.alice)
    monkeypatch.setattr(settings, "ONRECORD_BLOB_STORE", f"{address}http://127.0.0.1:9")
    with pytest.raises(Unavailable):
        post(cast.alice, office.direct(cast.alice, cast.bob), waiting)
    with pytest.raises(Unavailable):
        send_up(cast.alice)
