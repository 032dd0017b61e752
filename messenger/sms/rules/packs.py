"""The rule packs with their dates, sources and versions. Pure. A rule is never edited: it ends, a new one begins."""

from dataclasses import dataclass
from datetime import date, datetime

from messenger.sms.rules import checks
from messenger.sms.rules.checks import Check


@dataclass(frozen=True)
class Rule:
    """One version of one rule. It counts from `effective_from` up to, not including, `effective_until`."""

    id: str
    version: int
    citation: str
    effective_from: date
    check: Check
    effective_until: date | None = None

    @property
    def name(self) -> str:
        return f"{self.id}@{self.version}"

    def is_in_force(self, day: date) -> bool:
        return self.effective_from <= day and (self.effective_until is None or day < self.effective_until)


ALWAYS = date(1992, 12, 20)  # since the statute; what these rules ask was asked before this program existed
CTIA = "CTIA Messaging Principles and Best Practices (2023)"
# In the order in which they are asked: number, suppression, consent, content, frequency, hours.
RULES = (
    Rule("house.carrier", 1, "A text needs a carrier", ALWAYS, checks.carrier),
    Rule("house.number", 1, "A text goes to a person's phone only", ALWAYS, checks.number),
    # rule: us-tcpa-opt-out
    Rule("us-fed.do-not-text", 1, "47 CFR 64.1200(a)(10), (d)(3)", ALWAYS, checks.suppression),
    # rule: us-tcpa-opt-out-confirm
    Rule("us-fed.confirmation", 1, "47 CFR 64.1200(a)(12)", ALWAYS, checks.confirmation),
    # rule: us-tcpa-consent
    Rule("us-fed.consent", 1, "47 U.S.C. 227(b)(1)(A); 47 CFR 64.1200(f)(9)", ALWAYS, checks.consent),
    Rule("house.words", 1, "The firm's own rules about words", ALWAYS, checks.house_words),
    Rule("house.private-data", 1, "SMS is not encrypted", ALWAYS, checks.private_data),
    # rule: us-ctia-content
    Rule("ctia.shorteners", 1, CTIA + ", 5.3.4", date(2023, 5, 1), checks.shorteners),
    Rule("ctia.shaft", 1, CTIA + ", 5.3.1", date(2023, 5, 1), checks.regulated_goods),
    Rule("ctia.length", 1, "Carriers cut or refuse longer texts", date(2023, 5, 1), checks.length),
    Rule("house.frequency", 1, "Cap of texts to one number", ALWAYS, checks.frequency),
    # rule: us-tcpa-quiet-hours
    Rule("us-fed.quiet-hours", 1, "47 CFR 64.1200(c)(1)", ALWAYS, checks.quiet_hours),
)
BY_NAME = {rule.name: rule for rule in RULES}


def in_force(moment: datetime) -> tuple[Rule, ...]:
    """Return the rules that count at this moment, in the order in which they are asked."""
    return tuple(rule for rule in RULES if rule.is_in_force(moment.date()))


def named(names: list[str]) -> tuple[Rule, ...]:
    """Return exactly these versions. Raises KeyError for a version that this program does not have."""
    return tuple(BY_NAME[name] for name in names)
