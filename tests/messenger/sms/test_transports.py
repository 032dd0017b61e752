"""The contract that every transport keeps, asked of each one that is registered."""

import pytest
from pytest_django import Settings

from messenger.sms.models import SimulatedText
from messenger.sms.segments import split
from messenger.sms.transports import registry
from messenger.sms.transports.contract import Carrier, Outgoing, Submitted

pytestmark = pytest.mark.django_db


def outgoing(text: str, *, reference: str = "ref-1") -> Outgoing:
    segments = split(text)
    return Outgoing(
        reference=reference, to="+12025550147", sender="+15555550100", parts=segments.parts, encoding=segments.encoding
    )


@pytest.fixture(params=sorted(registry.CARRIERS))
def transport(request: pytest.FixtureRequest) -> Carrier:
    return registry.carrier_named(request.param)


def test_it_is_registered_under_its_own_name(transport: Carrier) -> None:
    assert registry.CARRIERS[transport.name] is transport


def test_each_text_it_takes_has_an_id_of_its_own(transport: Carrier) -> None:
    results = [transport.submit(outgoing("Hello", reference=name)) for name in ("ref-1", "ref-2", "ref-2")]
    assert all(isinstance(result, Submitted) for result in results)
    assert len({result.carrier_id for result in results if isinstance(result, Submitted)}) == 3


def test_its_reports_name_the_text_and_end_when_they_are_acknowledged(transport: Carrier) -> None:
    taken = transport.submit(outgoing("Hello"))
    assert isinstance(taken, Submitted)
    reports = transport.fetch_reports(limit=10)
    assert [(report.carrier_id, report.status) for report in reports] == [(taken.carrier_id, "delivered")]
    assert transport.fetch_reports(limit=10) == reports
    transport.acknowledge(reports)
    assert transport.fetch_reports(limit=10) == []


@pytest.mark.parametrize("text", ["Hello", "€" * 100, "я" * 100, "🙂" * 60, "a\n{b}^[c]~|\\"])
def test_the_simulated_phone_shows_what_was_on_the_wire(text: str) -> None:
    registry.carrier_named("simulator").submit(outgoing(text))
    assert SimulatedText.objects.get().body == text


def test_a_misspelt_carrier_is_named_with_those_that_exist(settings: Settings) -> None:
    settings.ONRECORD_CARRIER = "pigeon"
    with pytest.raises(registry.NoCarrier, match="'pigeon'; it must be none or one of: simulator"):
        registry.carrier_named(registry.configured_name())
