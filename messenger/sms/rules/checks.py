"""One function for each rule of texting: given the inputs, what it objects to. Pure; order and dates are in `packs`.

A changed rule becomes a new function with a new version; the old one stays, because old decisions are replayed with it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from messenger.sms.rules.inputs import Grant, Inputs
from messenger.sms.segments import split


@dataclass(frozen=True)
class Finding:
    """What a rule objects to. Severity: refuse, approve (a principal must), wait (until `until`), warn."""

    code: str
    severity: str
    message: str
    until: str = ""  # ISO, for wait


Check = Callable[[Inputs], Finding | None]

NO_PERSON = {
    "premium": "a premium-rate number",
    "shared_cost": "a shared-cost number",
    "toll_free": "a toll-free number",
    "short_code": "a short code",
    "pager": "a pager",
    "voicemail": "a voicemail box",
    "unassigned": "not a number that can belong to anybody",
}
# A consent for a class covers what is less than it, never more.
COVERED_BY = {
    "conversational": ("conversational", "informational", "promotional"),
    "informational": ("informational", "promotional"),
    "promotional": ("promotional",),
}
BASES = {
    "conversational": None,  # any basis
    "informational": {"express", "express_written", "contract", "ebr_purchase", "ebr_inquiry", "soft_opt_in"},
    "promotional": {"express_written"},
}
LASTS_DAYS = {"ebr_purchase": 730, "ebr_inquiry": 183}
LIVE_BASES = {"inbound_conversation", "express", "express_written"}
CAPS_24H = {"promotional": 3, "informational": 10, "conversational": 200}
MOST_SEGMENTS = 10
OPENS, CLOSES = timedelta(hours=8), timedelta(hours=21)
ANSWER_WITHIN = timedelta(minutes=5)
SHORTENERS = re.compile(
    r"(?<![\w.-])(?<![^/\s]/)(?:bit\.ly|tinyurl\.com|t\.co|goo\.gl|ow\.ly|is\.gd|buff\.ly|rebrand\.ly|cutt\.ly|t\.ly|rb\.gy)(?=/|\b)",
    re.IGNORECASE,
)
SOCIAL_SECURITY = re.compile(r"(?<!\d)(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?!\d)")
CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
SHAFT = re.compile(
    r"\b(?:cannabis|marijuana|cbd|vape|vaping|tobacco|cigarettes?|firearms?|ammunition|handguns?|porn|escorts?|casino|betting)\b",
    re.IGNORECASE,
)


def carrier(inputs: Inputs) -> Finding | None:
    if inputs.carrier != "none":
        return None
    return Finding("no_carrier", "refuse", "No carrier is set up, so no text can leave.")


def number(inputs: Inputs) -> Finding | None:
    """Refuse numbers behind which there is no person, and our own."""
    if inputs.is_own_number:
        return Finding("number_is_ours", "refuse", f"{inputs.number} is one of our own numbers.")
    if inputs.number_kind == "fictional" and inputs.carrier != "simulator":
        return Finding("number_fictional", "refuse", f"{inputs.number} is a number for examples only.")
    if inputs.number_kind in NO_PERSON:
        return Finding("number_unfit", "refuse", f"{inputs.number} is {NO_PERSON[inputs.number_kind]}.")
    return None


def suppression(inputs: Inputs) -> Finding | None:
    """Refuse everything to somebody who opted out, except the one confirmation; nobody can override it."""
    if inputs.consent_state != "suppressed" or inputs.message_class == "confirmation":
        return None
    day = inputs.since[:10]
    return Finding("suppressed", "refuse", f"They asked on {day} not to be texted. Only they can change that: START.")


def confirmation(inputs: Inputs) -> Finding | None:
    """A confirmation answers a STOP or HELP within five minutes, and nothing else."""
    if inputs.message_class != "confirmation":
        return None
    if not inputs.answer_asked_at:
        return Finding("nothing_to_confirm", "refuse", "There is no open request that this would confirm.")
    if inputs.now - datetime.fromisoformat(inputs.answer_asked_at) > ANSWER_WITHIN:
        return Finding("confirmation_late", "refuse", "A confirmation must leave within five minutes of the request.")
    return None


def consent(inputs: Inputs) -> Finding | None:
    """Ask for a consent that covers this class of text, is not too old, and is proven unless they wrote first."""
    if inputs.message_class in ("confirmation", "emergency"):
        return None
    grants = [grant for grant in inputs.grants if _covers(grant, inputs)]
    if not grants:
        message = f"No consent for {inputs.message_class} texts is recorded for this person."
        return Finding("no_consent", "refuse", message)
    if not inputs.has_written_to_us and not any(grant.is_proven for grant in grants):
        message = "The consent has no evidence, and this person has not written to us: they cannot be texted first."
        return Finding("consent_unproven", "refuse", message)
    return None


def _covers(grant: Grant, inputs: Inputs) -> bool:
    bases = BASES[inputs.message_class]
    age = inputs.now - datetime.fromisoformat(grant.since)
    return (
        grant.message_class in COVERED_BY[inputs.message_class]
        and (bases is None or grant.basis in bases)
        and age <= timedelta(days=LASTS_DAYS.get(grant.basis, 36_500))
    )


def house_words(inputs: Inputs) -> Finding | None:
    """Refuse what the firm's own rules about words refuse."""
    if not inputs.refused_by:
        return None
    return Finding("house_words", "refuse", f"The firm's rules do not allow this: {', '.join(inputs.refused_by)}.")


def private_data(inputs: Inputs) -> Finding | None:
    """Refuse card and social-security numbers: SMS is readable on its way."""
    if SOCIAL_SECURITY.search(inputs.text):
        return Finding("social_security_number", "refuse", "It holds what looks like a social-security number.")
    if any(_is_luhn(re.sub(r"\D", "", found)) for found in CARD.findall(inputs.text)):
        return Finding("card_number", "refuse", "It holds what looks like a payment-card number.")
    return None


def _is_luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(d), 10)) for d in digits[-2::-2])
    return (sum(int(d) for d in digits[::-2]) + sum(doubled)) % 10 == 0


def shorteners(inputs: Inputs) -> Finding | None:
    """Hold public link shorteners: carriers filter them, and nobody can see where they lead."""
    found = SHORTENERS.search(inputs.text)
    if not found:
        return None
    return Finding("link_shortener", "approve", f"{found[0]} hides where a link leads: write the whole address.")


def regulated_goods(inputs: Inputs) -> Finding | None:
    """Hold SHAFT words in what goes to many; in a live conversation they are only noted."""
    found = SHAFT.search(inputs.text)
    if not found:
        return None
    severity = "warn" if inputs.message_class == "conversational" else "approve"
    return Finding("regulated_goods", severity, f"“{found[0]}” is a word that carriers filter.")


def length(inputs: Inputs) -> Finding | None:
    count = split(inputs.text).count
    if count <= MOST_SEGMENTS:
        return None
    return Finding("too_long", "refuse", f"It takes {count} segments; {MOST_SEGMENTS} are the most.")


def frequency(inputs: Inputs) -> Finding | None:
    """Cap what one number gets in 24 hours from all of our senders."""
    cap = CAPS_24H.get(inputs.message_class)
    if cap is None or inputs.sent_24h < cap:
        return None
    return Finding("too_many", "refuse", f"This number had {inputs.sent_24h} texts in 24 hours; {cap} is the cap.")


def quiet_hours(inputs: Inputs) -> Finding | None:
    """08:00 to 21:00 in every zone the phone may be in; in a live conversation only a warning."""
    if inputs.message_class in ("confirmation", "emergency"):
        return None
    closed = [zone for zone, minutes in inputs.offsets if not _is_open(inputs.now, minutes=minutes)]
    if not closed:
        return None
    message = f"It is outside 08:00 to 21:00 where this person may be ({closed[0]})."
    if _is_live(inputs):
        return Finding("quiet_hours", "warn", message)
    until = _next_opening(inputs)
    if until is None:
        return Finding("quiet_hours", "refuse", message + " No hour suits every place this number may be in.")
    return Finding("quiet_hours", "wait", message, until=until.isoformat())


def _is_live(inputs: Inputs) -> bool:
    covering = [grant for grant in inputs.grants if _covers(grant, inputs)]
    return inputs.message_class == "conversational" and any(grant.basis in LIVE_BASES for grant in covering)


def _is_open(moment: datetime, *, minutes: int) -> bool:
    local = moment + timedelta(minutes=minutes)
    return OPENS <= timedelta(hours=local.hour, minutes=local.minute) < CLOSES


def _next_opening(inputs: Inputs) -> datetime | None:
    """Return the first moment at which every zone is open: it is the opening of one of them. None: there is none."""
    openings = sorted(_opening_after(inputs.now, minutes=minutes) for _, minutes in inputs.offsets)
    good = (o for o in openings if all(_is_open(o, minutes=minutes) for _, minutes in inputs.offsets))
    return next(good, None)


def _opening_after(moment: datetime, *, minutes: int) -> datetime:
    local = moment + timedelta(minutes=minutes)
    today = local.replace(hour=8, minute=0, second=0, microsecond=0)
    return (today if today > local else today + timedelta(days=1)) - timedelta(minutes=minutes)
