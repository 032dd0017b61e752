"""Words planted into the world's objects, each in one place, and who may read it where.

The desk (the portal's pages and calls) and the chat are two doors to the same words, with different keys.
"""

from dataclasses import dataclass
from typing import Final

from tests.security.roles import JUDGES, OFFICERS, READERS, TEXTERS

DESK: Final = ("/portal/", "/api/v1/record/", "/api/v1/exports", "/api/v1/reports")


@dataclass(frozen=True)
class Canary:
    """A word that stands in one place only; the roles that may be shown it at the chat and at the desk."""

    word: str
    chat: str = ""
    desk: str = ""

    def is_for(self, role: str, *, path: str) -> bool:
        return role in (self.desk if path.startswith(DESK) else self.chat).split()


MEMBERS: Final = "member token"
OWNED: Final = f"{MEMBERS} owner"
CANARIES: Final = {
    "talk_title": Canary("Tamarind", chat=MEMBERS, desk=f"{JUDGES} examiner"),
    "talk_body": Canary("Wolframite", chat=MEMBERS, desk=f"{JUDGES} examiner"),
    "pair_body": Canary("Obsidian", chat=MEMBERS, desk=READERS),
    "late_title": Canary("Larkspur", chat=OWNED, desk=READERS),
    # Said before the owner joined the group: history of a group begins with one's own arrival.
    "late_body": Canary("Feldspar", chat=MEMBERS, desk=READERS),
    "space_title": Canary("Saffron", chat=OWNED, desk=READERS),
    "space_body": Canary("Cobaltite", chat=OWNED, desk=READERS),
    "news_title": Canary("Cardamom", chat=OWNED, desk=READERS),
    "news_body": Canary("Malachite", chat=OWNED, desk=READERS),
    "thread_body": Canary("Vermilion", chat=MEMBERS, desk=READERS),
    "text_words": Canary("Heliotrope", chat=MEMBERS, desk=READERS),
    "unclaimed_words": Canary("Periwinkle", desk=READERS),
    # The address book is the firm's: everybody who may chat finds a client by name.
    "contact_name": Canary("Marigold", chat=f"{TEXTERS} examiner", desk=READERS),
    "own_title": Canary("Anemone", chat="reviewer", desk=READERS),
    "own_body": Canary("Galena", chat="reviewer", desk=READERS),
    "report_comment": Canary("Junipero", desk=JUDGES),
    "export_purpose": Canary("Halcyon", desk=OFFICERS),
    "token_name": Canary("Kestrel", chat=MEMBERS),
    "invited_name": Canary("Ingeborg", chat="administrator"),
    "role_reason": Canary("Brambling", chat=f"administrator {OFFICERS}", desk=OFFICERS),
    "searched_words": Canary("Nightjar", desk="officer"),
}
CONTENT: Final = frozenset(CANARIES) - {"contact_name", "invited_name", "role_reason"}


def canaries_in(text: str) -> list[str]:
    """Return the names of all planted words that stand in the text."""
    return [name for name, canary in CANARIES.items() if canary.word in text]


def misplaced_in(text: str, *, role: str, path: str) -> list[str]:
    """Return the names of the planted words in the text that this role may not be shown at this address."""
    return [name for name in canaries_in(text) if not CANARIES[name].is_for(role, path=path)]
