"""Files that cannot be kept: nothing waits for a message then, and the person is told."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from messenger.conversations import attachments
from messenger.conversations.models import Upload
from messenger.people.errors import Unavailable
from tests.cast import Cast
from tests.messenger.conversations import samples

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
