"""The world that all tests of this folder knock at, and a folder of its own for its exports."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from tests.security.world import World, build_world


@pytest.fixture(autouse=True)
def export_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Packages are not undone with the database: each test has its own."""
    with override_settings(ONRECORD_EXPORT_DIR=tmp_path_factory.mktemp("exports")):
        yield


@pytest.fixture
def world(db: None) -> World:
    return build_world()
