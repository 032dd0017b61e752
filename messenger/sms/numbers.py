"""What can be known of a phone number without asking anybody: what kind it is and where its phone may be.

Reads the tables of `phonenumbers` only. Must not touch the database: its answers go into a decision's inputs.
"""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneNumberType
from phonenumbers.timezone import time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

KINDS = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "fixed_line",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_line_or_mobile",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.UAN: "company",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
FICTIONAL = "+1555"  # no such area code exists: the numbers of demos and examples
# Area codes that the table gives one zone and that lie in two, by the area code they were laid over.
OVERLAYS = {"1448": "1850", "1364": "1270", "1930": "1812", "1729": "1423"}
FIFTY_STATES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Adak",
    "Pacific/Honolulu",
)


@lru_cache(maxsize=4096)
def kind_of(number: str) -> str:
    """Return what kind of number this E.164 number is; "unassigned" when it cannot belong to anybody."""
    if number.startswith(FICTIONAL):
        return "fictional"
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return "short_code" if len(number.lstrip("+")) <= 6 else "unassigned"
    return KINDS.get(phonenumbers.number_type(parsed), "unassigned")


@lru_cache(maxsize=4096)
def zones_of(number: str, declared: str = "") -> tuple[str, ...]:
    """Return every time zone the phone may be in: the declared one, else all of its area, else the whole country."""
    if declared:
        return (declared,)
    if number.startswith("+1"):
        return _north_american_zones(number)
    try:
        zones = time_zones_for_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return FIFTY_STATES
    return tuple(zone for zone in zones if zone != "Etc/Unknown") or FIFTY_STATES


def _north_american_zones(number: str) -> tuple[str, ...]:
    """The union over the area code: people keep their number when they move within it, and prefixes are ported."""
    area = number[1:5]
    prefixes = {area, OVERLAYS.get(area, area)}
    zones = {zone for prefix, found in TIMEZONE_DATA.items() if prefix[:4] in prefixes for zone in found}
    return tuple(sorted(zones)) or FIFTY_STATES


def offsets_at(moment: datetime, *, zones: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """Return each zone with its minutes from UTC at this moment."""
    local = ((zone, moment.astimezone(ZoneInfo(zone)).utcoffset()) for zone in zones)
    return tuple((zone, int(offset.total_seconds()) // 60) for zone, offset in local if offset is not None)
