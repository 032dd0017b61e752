"""What is known of numbers: their kind, and every zone their phone may be in."""

from datetime import UTC, datetime

import pytest

from messenger.sms.numbers import FIFTY_STATES, kind_of, offsets_at, zones_of


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+12025550147", "fixed_line_or_mobile"),
        ("+447400123456", "mobile"),
        ("+18005551234", "toll_free"),
        ("+19005551234", "premium"),
        ("+4918012345", "shared_cost"),
        ("+15555550100", "fictional"),
        ("+19995551234", "unassigned"),
        ("+999123456789", "unassigned"),
        ("22395", "short_code"),
    ],
)
def test_the_kind_of_a_number(number: str, kind: str) -> None:
    assert kind_of(number) == kind


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+12125550123", ("America/New_York",)),
        ("+18505550123", ("America/Chicago", "America/New_York")),  # Florida's panhandle
        ("+14485550123", ("America/Chicago", "America/New_York")),  # laid over 850
        ("+13645550123", ("America/Chicago", "America/New_York")),  # laid over 270
        ("+19305550123", ("America/Chicago", "America/New_York")),  # laid over 812
        ("+17295550123", ("America/Chicago", "America/New_York")),  # laid over 423
        ("+15555550100", FIFTY_STATES),
        ("+18005551234", FIFTY_STATES),
        ("+4915112345678", ("Europe/Berlin",)),
    ],
)
def test_every_zone_a_number_may_be_in_is_a_candidate(number: str, zones: tuple[str, ...]) -> None:
    assert set(zones) <= set(zones_of(number))
    assert set(zones_of(number)) <= set(zones) or zones == FIFTY_STATES


def test_a_declared_zone_is_the_only_one() -> None:
    assert zones_of("+18505550123", "America/New_York") == ("America/New_York",)


@pytest.mark.parametrize(("month", "minutes"), [(1, -300), (7, -240)])
def test_offsets_follow_the_season(month: int, minutes: int) -> None:
    at = datetime(2026, month, 15, 12, tzinfo=UTC)
    assert offsets_at(at, zones=("America/New_York",)) == (("America/New_York", minutes),)
