"""Fixtures of the texting tests."""

import pytest
from pytest_django import Settings

from messenger.people.models import Contact
from tests.cast import Cast
from tests.messenger.sms.texting import FakeCarrier, agree, plug_in


@pytest.fixture
def carrier(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FakeCarrier:
    """A carrier of the test's own, configured."""
    fake = FakeCarrier()
    plug_in(fake, settings=settings, monkeypatch=monkeypatch)
    return fake


@pytest.fixture
def contact(cast: Cast) -> Contact:
    """The cast's contact, who agreed to be texted in conversation."""
    agree(cast.contact, by=cast.alice)
    return cast.contact
