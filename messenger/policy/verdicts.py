"""May this be said: pure review of words against the firm's rules. Must not import Django or look anything up.

Time is linear in the text for each rule, whatever the text: phrases are looked for, patterns are not interpreted.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

Effect = Literal["flag", "refuse"]
Outcome = Literal["ALLOW", "REFUSE"]


@dataclass(frozen=True)
class Phrase:
    """A rule as `review` uses it; `normal` is its pattern as `normalise` leaves it."""

    name: str
    version: int
    effect: Effect
    normal: str

    @property
    def id(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Limits:
    longest_bytes: int = 20_000


@dataclass(frozen=True)
class Reason:
    """Why words were refused, for the person who wrote them."""

    code: str
    message: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Verdict:
    """What the rules say: `hits` are all rules that were met, `refused` those of them that refuse, as name@version."""

    outcome: Outcome
    hits: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def is_refused(self) -> bool:
        return self.outcome == "REFUSE"


DEFAULT_LIMITS = Limits()
_WORD = re.compile(r"[^\W_]+")


def review(text: str, *, rules: Iterable[Phrase], limits: Limits = DEFAULT_LIMITS) -> Verdict:
    """Return what the rules say about the text: every rule that it meets, and why it is refused if it is."""
    if len(text.encode(errors="surrogatepass")) > limits.longest_bytes:
        too_long = Reason("too_long", f"The text is longer than {limits.longest_bytes} bytes.")
        return Verdict("REFUSE", reasons=(too_long,))
    words = f" {normalise(text)} "
    met = [rule for rule in rules if f" {rule.normal} " in words]
    refused = [rule for rule in met if rule.effect == "refuse"]
    reasons = tuple(Reason("house_words", f"The firm's rule “{rule.name}” does not allow this.") for rule in refused)
    return Verdict("REFUSE" if refused else "ALLOW", _ids(met), _ids(refused), reasons)


def normalise(text: str) -> str:
    """Fold away width, case, accents that were typed apart, invisible characters and punctuation; single spaces."""
    # Of what is folded away, ASCII has case and punctuation only: most texts need no look at each character.
    return " ".join(_WORD.findall(text.lower() if text.isascii() else _folded(text)))


def _folded(text: str) -> str:
    visible = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFKC", visible.casefold())


def _ids(rules: Iterable[Phrase]) -> tuple[str, ...]:
    return tuple(rule.id for rule in rules)
