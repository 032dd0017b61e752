"""Everything a decision about a text depends on, as plain values that go into the record and come back. Pure.

Nothing is looked up while deciding: what is not in here has no say, so a stored decision can be replayed years later.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A consent that holds. `is_proven` says that evidence of it is kept."""

    message_class: str
    basis: str
    since: str  # ISO, UTC
    is_proven: bool


@dataclass(frozen=True, kw_only=True)
class Inputs:
    at: str  # ISO, UTC
    text: str
    is_composed: bool  # the text already carries what the obligations add
    message_class: str
    firm: str
    carrier: str
    number: str  # E.164
    number_kind: str
    is_own_number: bool
    consent_state: str
    since: str  # ISO; when this consent state began, "" when never
    grants: tuple[Grant, ...]
    has_written_to_us: bool
    answer_asked_at: str  # ISO; when they sent the STOP or HELP that a confirmation answers, "" when none is open
    offsets: tuple[tuple[str, int], ...]  # every zone the phone may be in, and its minutes from UTC now
    sent_24h: int
    sent_this_episode: int
    refused_by: tuple[str, ...]  # the firm's rules about words that refuse this text, as name@version

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self.at)

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return JSON values only, without floats, as the record takes them."""
        return {
            **asdict(self),
            "grants": [asdict(grant) for grant in self.grants],
            "offsets": [[zone, minutes] for zone, minutes in self.offsets],
            "refused_by": list(self.refused_by),
        }


def from_json(stored: dict[str, Any]) -> Inputs:  # Any: JSON
    """Return the inputs that `as_json` wrote. Raises TypeError when a name is missing or unknown."""
    return Inputs(
        **{
            **stored,
            "grants": tuple(Grant(**grant) for grant in stored["grants"]),
            "offsets": tuple((zone, minutes) for zone, minutes in stored["offsets"]),
            "refused_by": tuple(stored["refused_by"]),
        }
    )
