"""A database, its settings and its keys belong together; where they do not, nothing is written."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from pytest_django import Settings

from archive import checkpoint, ledger
from archive.keys import create_keystore, open_keystore
from tests.archive.record_reset import fences_down
from tests.archive.samples import record, said
from tests.archive.tampering import run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def history() -> None:
    record(said("one"), said("two"))


@pytest.fixture
def other_folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "other"
    open_keystore.cache_clear()


def refusals(error: type[Exception], *, match: str) -> None:
    acts: list[Callable[[], object]] = [lambda: record(said("three")), ledger.confirm_identity]
    for act in acts:
        with pytest.raises(error, match=match):
            act()


def test_what_belongs_together_is_confirmed() -> None:
    ledger.confirm_identity()
    record(said("three"))
    assert ledger.verifier_key().startswith("onrecord.example/record+")


@pytest.mark.breaks_the_record
def test_another_origin_is_refused_with_both_names(settings: Settings) -> None:
    settings.ONRECORD_ORIGIN = "record.example/other"
    refusals(ledger.ForeignRecord, match=r"onrecord\.example/record, but ONRECORD_ORIGIN is record\.example/other")


@pytest.mark.breaks_the_record
def test_other_keys_are_refused(settings: Settings, other_folder: Path) -> None:
    create_keystore(other_folder)
    settings.ONRECORD_KEY_DIR = other_folder
    refusals(ledger.ForeignRecord, match="signed with another key")


@pytest.mark.breaks_the_record
def test_keys_that_are_gone_are_not_made_anew(settings: Settings, other_folder: Path) -> None:
    settings.ONRECORD_KEY_DIR = other_folder
    refusals(ledger.KeyMissing, match="log cannot be read")
    with pytest.raises(ledger.KeyMissing):
        ledger.verifier_key()
    assert not other_folder.exists()


@pytest.mark.breaks_the_record
def test_a_latest_checkpoint_by_somebody_else_stops_the_start() -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    note = checkpoint.sign(checkpoint.parse(ledger.latest_checkpoint().note), key=stranger)
    with fences_down(connection):
        run("UPDATE archive_checkpoint SET note = %s", note)
    with pytest.raises(ledger.ForeignRecord, match="not signed by this key"):
        ledger.confirm_identity()
