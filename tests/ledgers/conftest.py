"""Gives a test one kept ledger after the other, as a copy."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from archive.keys import open_keystore
from tests.ledgers.kept import FOLDER, KEPT


@pytest.fixture(params=sorted(KEPT))
def version(
    request: pytest.FixtureRequest, tmp_path: Path, settings: Settings, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """Give Django a copy of a kept ledger, brought to today's tables as an upgrade does it."""
    folder = tmp_path / "kept"
    shutil.copytree(FOLDER / request.param, folder)
    settings.ONRECORD_KEY_DIR = folder / "keys"
    settings.ONRECORD_GUARD = folder / "keys" / "guard" / "checkpoint"
    settings.ONRECORD_BLOB_DIR = folder / "blobs"
    settings.ONRECORD_STAMP_ROOTS = folder / "stamp-roots.pem"
    settings.ONRECORD_ORIGIN = "kept.example/record"
    before = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["NAME"] = str(folder / "record.sqlite3")
        try:
            call_command("migrate", "archive", verbosity=0)
            yield request.param
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
            open_keystore.cache_clear()
