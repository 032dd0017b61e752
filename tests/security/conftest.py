"""The world that the tests of a file knock at, built once for each file; and a folder of its own for its exports."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import override_settings
from pytest_django.plugin import DjangoDbBlocker

from tests.security.world import World, build_world


@pytest.fixture(scope="module", autouse=True)
def export_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Packages are not undone with the database: each file has its own."""
    with override_settings(ONRECORD_EXPORT_DIR=tmp_path_factory.mktemp("exports")):
        yield


@pytest.fixture(scope="module")
def built_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """Build the world in a transaction around the transactions of the tests: each of them finds it as it was built."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build_world()
        transaction.set_rollback(True)


@pytest.fixture
def world(built_world: World, db: None) -> World:
    return built_world
