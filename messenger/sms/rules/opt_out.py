"""What an inbound text asks for: to be left alone, help, to come back, or nothing of that. Pure; no Django, no clock.

Tier 1 is an opt-out by itself. Tier 2 is any other reasonable wording: it revokes too, and a person looks at it.
Tier 3 is uncertain: texting stops at once and a person decides. Nothing that may be an opt-out is ignored.
"""

import re
import unicodedata
from dataclasses import dataclass

from messenger.sms.rules import words

# rule: us-tcpa-opt-out
PER_SE_RULE = "us-fed.opt-out.per-se@1"
REASONABLE_RULE = "us-fed.opt-out.reasonable-means@1"
CARRIER_RULE = "ctia.opt-out.keywords@1"
LANGUAGE_RULE = "house.opt-out.languages@1"
UNCERTAIN_RULE = "house.opt-out.uncertain@1"
HELP_RULE = "ctia.help@1"
START_RULE = "ctia.opt-in.start@1"
YES_RULE = "house.opt-in.invited-yes@1"


@dataclass(frozen=True)
class OptOut:
    """A wish to be left alone. `matched` is what was recognised, normalised."""

    tier: int
    rule: str
    matched: str
    language: str

    @property
    def needs_a_person(self) -> bool:
        return self.tier > 1


@dataclass(frozen=True)
class Help:
    rule: str
    matched: str


@dataclass(frozen=True)
class OptIn:
    """A wish to be texted again. A plain yes counts only as the answer to an open invitation."""

    rule: str
    matched: str
    is_only_for_invited: bool


@dataclass(frozen=True)
class Words:
    """Ordinary words: nothing to act on."""


Reading = OptOut | Help | OptIn | Words


def read(body: str) -> Reading:
    """Say what an inbound text asks for. When it could be several things, the opt-out wins."""
    lines = _lines_without_signature(body)
    text = normalise(" ".join(lines))
    found = _exact(text) or _exact(_without_inline_name(lines)) or _reasonable(text) or _uncertain(lines, text=text)
    return found or _other_keyword(text)


def normalise(text: str) -> str:
    """Fold away what does not change the meaning: width, case, accents, look-alike letters, punctuation, repetition."""
    wide = unicodedata.normalize("NFKC", text)
    visible = "".join(c for c in wide if c.isspace() or unicodedata.category(c) not in ("Cf", "Cc", "Mn"))
    folded = unicodedata.normalize("NFKD", visible.casefold().translate(words.LOOKALIKES))
    letters = "".join(c for c in folded if unicodedata.category(c) != "Mn")
    apart = re.sub(r"[^\w]|_", " ", re.sub(r"(?<=\w)['’`´](?=t\b)", "", letters))
    return _without_repetition(apart.split())


def _without_repetition(tokens: list[str]) -> str:
    """Join letters that were spaced out, squeeze "stoooop", say "stop stop stop" once."""
    if len(tokens) > 1 and all(len(token) == 1 for token in tokens):
        tokens = ["".join(tokens)]
    squeezed = [re.sub(r"([a-z])\1{2,}", r"\1", token) for token in tokens]
    if len(set(squeezed)) == 1:
        squeezed = squeezed[:1]
    return " ".join(squeezed)


def _exact(text: str) -> OptOut | None:
    if text in words.PER_SE:
        return OptOut(1, PER_SE_RULE, text, "en")
    if text in words.CARRIER:
        return OptOut(1, CARRIER_RULE, text, "en")
    for language, exact in words.OTHER_LANGUAGES.items():
        if text in exact:
            return OptOut(1, LANGUAGE_RULE, text, language)
    return None


def _reasonable(text: str) -> OptOut | None:
    """Recognise a clear wish in free words: a keyword with courtesies, or a known phrase that is not negated."""
    if text in words.WHOLE_ONLY:
        return OptOut(2, REASONABLE_RULE, text, "")
    polite = _exact(" ".join(token for token in text.split() if token not in words.POLITE))
    if polite:
        return OptOut(2, REASONABLE_RULE, polite.matched, polite.language)
    for language, phrases in words.PHRASES.items():
        for phrase in phrases:
            if _says(text, phrase):
                return OptOut(2, REASONABLE_RULE, phrase, language)
    return None


def _says(text: str, phrase: str) -> bool:
    """Say whether the phrase occurs as whole words and not directly after a negation."""
    before, found, _ = f" {text} ".partition(f" {phrase} ")
    return bool(found) and not any(before.endswith(f" {negation}") for negation in words.NEGATIONS)


def _uncertain(lines: list[str], *, text: str) -> OptOut | None:
    """Recognise what may be a wish to be left alone; rather one question too many than one opt-out missed."""
    tokens = set(text.split())
    verbs = words.STOP_VERBS if tokens & words.ABOUT_TEXTS else frozenset[str]()
    candidates = (*sorted(tokens & (words.STRONG | verbs)), *words.STRONG_PHRASES)
    found = next((phrase for phrase in candidates if _says(text, phrase)), "") or _sentence_that_is_a_keyword(lines)
    return OptOut(3, UNCERTAIN_RULE, found, "") if found else None


def _sentence_that_is_a_keyword(lines: list[str]) -> str:
    """Return the keyword when one whole line or sentence is nothing else: "I told you. STOP"."""
    sentences = [normalise(part) for line in lines for part in re.split(r"[.!?;]+", line)]
    return next((sentence for sentence in sentences if _exact(sentence)), "")


def _lines_without_signature(body: str) -> list[str]:
    """Return the lines before a signature. A text that is only a signature is kept whole: nothing is lost."""
    lines = [line for line in body.splitlines() if line.strip()]
    kept: list[str] = []
    for line in lines:
        if line.strip() in ("--", "—") or normalise(line).startswith(words.SIGNATURES):
            break
        kept.append(line)
    return kept or lines


def _without_inline_name(lines: list[str]) -> str:
    """Return the text without a name after a dash: "STOP - Bob"."""
    return normalise(re.sub(r"\s[-–—~]+\s*[^\W\d]+\s*$", "", " ".join(lines)))


def _other_keyword(text: str) -> Reading:
    if text in words.HELP:
        return Help(HELP_RULE, text)
    if text in words.START:
        return OptIn(START_RULE, text, is_only_for_invited=False)
    if text in words.YES:
        return OptIn(YES_RULE, text, is_only_for_invited=True)
    return Words()
