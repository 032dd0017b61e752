"""The witnesses of ONRECORD_WITNESSES, and the check that stops the start when one is not written as it must be.

It must not reach out to a witness.
"""

from typing import Any

from django.conf import settings
from django.core import checks

from archive.witness.asking import WitnessAddress


def configured_witnesses() -> list[WitnessAddress]:
    """Return the witnesses that are set up. Raises ValueError with a sentence."""
    return [WitnessAddress.parse(text) for text in settings.ONRECORD_WITNESSES]


def check_witnesses(**_: Any) -> list[checks.CheckMessage]:  # Any: as Django calls its checks
    try:
        configured_witnesses()
    except ValueError as error:
        return [checks.Error(f"ONRECORD_WITNESSES cannot be used. {error}", id="archive.E001")]
    return []
