"""The page Record says who outside holds the record: stamps and segments, when they were made, and what is wrong."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from archive import evidence, segments
from tests.admin_portal.conftest import Office
from tests.admin_portal.test_pages import ClientFor
from tests.archive.stamping import OpensslAuthority

pytestmark = pytest.mark.django_db


def now() -> datetime:
    return datetime.now(UTC)


def test_the_page_shows_stamps_and_segments_and_turns_green(
    office: Office, settings: Settings, tmp_path: Path, client_for: ClientFor
) -> None:
    authority, page = OpensslAuthority(tmp_path / "tsa"), client_for(office.cast.carl)
    (tmp_path / "store").mkdir()
    settings.ONRECORD_STAMP_ROOTS, settings.ONRECORD_STAMP_OPENSSL_CONFIG = authority.roots, authority.config
    settings.ONRECORD_SEGMENT_STORE = f"file://{tmp_path}/store?immutable=no"
    assert evidence.stamp_checkpoint(at=now())
    assert "Held by one kind" in page.get("/portal/record/").content.decode()
    assert segments.seal_segments(at=now()) == 1
    shown = page.get("/portal/record/").content.decode()
    assert "Held by two kinds or more" in shown
    assert all(name in shown for name in ("Time stamps", "Segments"))


def test_the_page_names_a_segment_that_was_changed(
    office: Office, settings: Settings, tmp_path: Path, client_for: ClientFor
) -> None:
    (tmp_path / "store").mkdir()
    settings.ONRECORD_SEGMENT_STORE = f"file://{tmp_path}/store?immutable=no"
    assert segments.seal_segments(at=now()) == 1
    for path in (tmp_path / "store").glob("segment-*"):
        path.chmod(0o644)
        path.write_bytes(b"changed")
        path.chmod(0o444)
    segments.check_segments(at=now())
    assert "Its bytes are not those it had." in client_for(office.cast.carl).get("/portal/record/").content.decode()
