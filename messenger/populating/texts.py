"""Texts of realistic length in several languages, the same for the same seed. Pure: no database, no clock.

Most are a sentence or two, a few are long; names of clients are said the more rarely the further back they stand in
their list, so that a search finds common words and rare ones.
"""

from collections.abc import Sequence
from random import Random

from messenger.populating.phrases import DAYS, EMOJI, LANGUAGES, SYLLABLES

CLIENTS = 4_000
SHORT, LONG, EMOJI_SHARE, LIST_SHARE = 0.18, 0.06, 0.12, 0.02
AT_ONCE = 256  # languages drawn in one call: one draw at a time costs several times as much


class Texts:
    """An endless supply of texts."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.clients = [_client(rng) for _ in range(CLIENTS)]
        self._languages: list[int] = []

    def next(self) -> str:
        """Return the next text."""
        rng = self._rng
        _, sentences, short = LANGUAGES[self._language()]
        kind = rng.random()
        if kind < SHORT:
            text = _one_of(short, rng)
        elif kind < SHORT + LIST_SHARE:
            text = "For the call:\n\n" + "\n".join(f"{place}. {self._say(sentences)}" for place in (1, 2, 3))
        else:
            count = 4 + int(rng.random() * 9) if kind > 1 - LONG else 1 + int(rng.random() ** 2 * 3)
            text = " ".join([self._say(sentences) for _ in range(count)])
        return f"{text} {_one_of(EMOJI, rng)}" if rng.random() < EMOJI_SHARE else text

    def _say(self, sentences: Sequence[str]) -> str:
        rng = self._rng
        client = self.clients[int(rng.random() ** 3 * CLIENTS)]
        return _one_of(sentences, rng).format(c=client, d=_one_of(DAYS, rng), n=2 + int(rng.random() ** 2 * 98))

    def _language(self) -> int:
        if not self._languages:
            weights = [weight for weight, _, _ in LANGUAGES]
            self._languages = self._rng.choices(range(len(LANGUAGES)), weights=weights, k=AT_ONCE)
        return self._languages.pop()


def _one_of(values: Sequence[str], rng: Random) -> str:
    return values[int(rng.random() * len(values))]


def _client(rng: Random) -> str:
    name = "".join(_one_of(SYLLABLES, rng) for _ in range(3)).title()
    return f"{name} {_one_of(SYLLABLES, rng).title()}{_one_of(SYLLABLES, rng)}"
