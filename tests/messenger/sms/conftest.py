"""Fixtures of the texting tests."""

import pytest
from pytest_django import Settings

from messenger.people.models import Contact
from messenger.sms.transports import registry
from tests.cast import Cast
from tests.messenger.sms.texting import FakeCarrier, agree


@pytest.fixture
def carrier(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FakeCarrier:
    """A carrier of the test's own, configured."""
    fake = FakeCarrier()
    monkeypatch.setitem(registry.CARRIERS, "fake", fake)
    settings.ONRECORD_CARRIER = "fake"
    return fake


@pytest.fixture
def contact(cast: Cast) -> Contact:
    """The cast's contact, who agreed to be texted in conversation."""
    agree(cast.contact, by=cast.alice)
    return cast.contact
