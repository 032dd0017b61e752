"""May this text be sent, and what must be added to it? Pure and replayable: inputs and rule versions give the verdict.

Must not look anything up: `messenger.sms.actions` collects the inputs, inside the lock that makes them true.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from messenger.sms.rules import packs
from messenger.sms.rules.checks import Finding
from messenger.sms.rules.inputs import Inputs, from_json
from messenger.sms.rules.packs import Rule

Outcome = Literal["ALLOW", "HOLD_UNTIL", "HOLD_FOR_APPROVAL", "REFUSE"]
OPT_OUT_LINE = "Reply STOP to opt out."


@dataclass(frozen=True)
class Reason:
    """What one rule said, for people and for the record."""

    code: str
    rule: str
    version: int
    citation: str
    severity: str
    message: str
    until: str

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        return asdict(self)


@dataclass(frozen=True)
class Decision:
    """The verdict with all its reasons, what it was made from, and the text as it would leave."""

    outcome: Outcome
    hold_until: str  # ISO, UTC; "" unless HOLD_UNTIL
    reasons: tuple[Reason, ...]
    obligations: tuple[str, ...]  # identity, opt_out_line
    text: str
    rules: tuple[str, ...]  # every rule that was asked, as id@version
    inputs: Inputs

    @property
    def is_sendable(self) -> bool:
        """Say whether the text may be queued: now, or to leave when its hour comes."""
        return self.outcome in ("ALLOW", "HOLD_UNTIL")

    @property
    def objections(self) -> tuple[Reason, ...]:
        """The reasons that are more than a warning."""
        return tuple(reason for reason in self.reasons if reason.severity != "warn")

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return what the record keeps; `replay` takes it back."""
        return {
            "outcome": self.outcome,
            "hold_until": self.hold_until,
            "reasons": [reason.as_json() for reason in self.reasons],
            "obligations": list(self.obligations),
            "text": self.text,
            "rules": list(self.rules),
            "inputs": self.inputs.as_json(),
        }


def decide(inputs: Inputs) -> Decision:
    """Return the verdict of the rules in force at `inputs.at`."""
    return _judge(inputs, rules=packs.in_force(inputs.now))


def replay(stored: dict[str, Any]) -> Decision:  # Any: JSON
    """Return the verdict of the stored inputs under the stored rule versions, whatever is in force today.

    Raises KeyError when this program does not have one of the versions.
    """
    return _judge(from_json(stored["inputs"]), rules=packs.named(stored["rules"]))


def _judge(inputs: Inputs, *, rules: tuple[Rule, ...]) -> Decision:
    obligations = _obligations(inputs)
    text = compose(inputs.text, obligations=obligations, firm=inputs.firm)
    as_it_leaves = replace(inputs, text=text)
    reasons = tuple(_reason(rule, finding) for rule in rules if (finding := rule.check(as_it_leaves)))
    outcome = _outcome({reason.severity for reason in reasons})
    hold_until = max((reason.until for reason in reasons), default="") if outcome == "HOLD_UNTIL" else ""
    return Decision(outcome, hold_until, reasons, obligations, text, tuple(rule.name for rule in rules), inputs)


def _reason(rule: Rule, finding: Finding) -> Reason:
    return Reason(
        code=finding.code,
        rule=rule.id,
        version=rule.version,
        citation=rule.citation,
        severity=finding.severity,
        message=finding.message,
        until=finding.until,
    )


def _outcome(severities: set[str]) -> Outcome:
    """The strictest wins."""
    if "refuse" in severities:
        return "REFUSE"
    if "approve" in severities:
        return "HOLD_FOR_APPROVAL"
    return "HOLD_UNTIL" if "wait" in severities else "ALLOW"


# rule: us-ctia-consumer-choice
def _obligations(inputs: Inputs) -> tuple[str, ...]:
    """The first text of an episode says who we are and how to stop; a promotional one always does."""
    if inputs.is_composed or inputs.message_class in ("confirmation", "emergency"):
        return ()
    is_first = inputs.sent_this_episode == 0
    if not is_first and inputs.message_class != "promotional":
        return ()
    identity = () if inputs.firm.casefold() in inputs.text.casefold() else ("identity",)
    opt_out_line = () if "stop" in inputs.text.casefold().split() else ("opt_out_line",)
    return identity + opt_out_line


def compose(text: str, *, obligations: tuple[str, ...], firm: str) -> str:
    """Return the text as it leaves, with what the obligations add."""
    named = f"{firm}: {text}" if "identity" in obligations else text
    return f"{named} {OPT_OUT_LINE}" if "opt_out_line" in obligations else named
