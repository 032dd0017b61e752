"""What a carrier is to us: the one contract that every transport module keeps. No transport, no Django in here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from messenger.sms.segments import Encoding


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A text on its way out. `reference` is our opaque id of the attempt; carriers give it back in call-backs."""

    reference: str
    to: str
    sender: str
    parts: tuple[str, ...]
    encoding: Encoding


@dataclass(frozen=True)
class Submitted:
    """The carrier has it, under this id of its own."""

    carrier_id: str


@dataclass(frozen=True)
class NotCreated:
    """The carrier surely does not have it. `is_final`: trying again cannot help."""

    detail: str
    is_final: bool = False


@dataclass(frozen=True)
class Ambiguous:
    """Nobody knows whether the carrier has it (timeout, 5xx, reset): it must never be submitted again by itself."""

    detail: str


@dataclass(frozen=True)
class Withdrawn:
    """We did not ask the carrier: the person opted out, or the lease was lost, in the last moment. Made by us only."""

    detail: str


Result = Submitted | NotCreated | Ambiguous | Withdrawn


@dataclass(frozen=True)
class Report:
    """What a carrier says of a text later. `status` is one of our states; `raw` is what it really said."""

    carrier_id: str
    status: str
    code: str = ""
    raw: str = ""
    reference: str = ""


class Carrier(Protocol):
    """A way to the phone network. It holds no state of its own and may be called from several threads."""

    name: str

    def submit(self, outgoing: Outgoing) -> Submitted | NotCreated | Ambiguous:
        """Hand over one text, within its own time limits. Must not raise for anything that the outside does."""

    def fetch_reports(self, *, limit: int) -> list[Report]:
        """Return reports that wait to be collected, oldest first; () for a carrier that calls back."""

    def acknowledge(self, reports: Iterable[Report]) -> None:
        """Say that these reports are kept, so that `fetch_reports` does not return them again."""
