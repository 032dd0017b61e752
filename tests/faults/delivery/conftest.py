"""A product for one test, on a store of its own: the test founds its office and starts it."""

from collections.abc import Iterator

import pytest

from tests.stack import Stack, migrated_stack


@pytest.fixture
def stack() -> Iterator[Stack]:
    stack = migrated_stack()
    yield stack
    stack.web.stop()
