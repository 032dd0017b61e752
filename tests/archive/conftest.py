"""The archive's own tests: the record alone. Its streams have names of conversations that the chat has no rows of."""

from collections.abc import Iterator

import pytest

from archive.ledger import comparing


@pytest.fixture(scope="package", autouse=True)
def no_rows_to_compare() -> Iterator[None]:
    registered = dict(comparing._registered)
    comparing._registered.clear()
    yield
    comparing._registered.update(registered)
