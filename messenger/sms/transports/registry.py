"""Which carriers exist and which one is configured. A new carrier is one module and one line here."""

from django.conf import settings

from messenger.sms.transports.contract import Carrier
from messenger.sms.transports.simulator import Simulator

CARRIERS: dict[str, Carrier] = {carrier.name: carrier for carrier in (Simulator(),)}


class NoCarrier(Exception):
    """No carrier of this name exists: ONRECORD_CARRIER is none, or misspelt."""


def configured_name() -> str:
    """Return the name of the configured carrier; "none" when texting is off."""
    return str(settings.ONRECORD_CARRIER)


def carrier_named(name: str) -> Carrier:
    """Return the carrier of this name. Raises NoCarrier."""
    try:
        return CARRIERS[name]
    except KeyError as error:
        raise NoCarrier(f"ONRECORD_CARRIER is {name!r}; it must be none or one of: {', '.join(CARRIERS)}.") from error
