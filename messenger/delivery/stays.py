"""Who may read what, kept in memory for the conversations that somebody here listens to.

Never the truth by itself: every batch of events brings the ends of memberships up to its own last number, so that no
event is judged by a membership older than itself. Knowledge only grows (`Stay.or_newer`), so the order in which a
hello and a fetch come in does not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from messenger.delivery.reading import Start, Stay


@dataclass(slots=True)
class Stays:
    """The stays of one conversation. All that ended at a number up to `known_n` is in it."""

    known_n: int
    by_person: dict[int, Stay] = field(default_factory=dict)


@dataclass(slots=True)
class StayBook:
    """The stays of all conversations with listeners in this process."""

    _pages: dict[int, Stays] = field(default_factory=dict)

    def known(self, conversation_id: int) -> int:
        return self._pages[conversation_id].known_n

    def of(self, conversation_id: int) -> Mapping[int, Stay]:
        return self._pages[conversation_id].by_person

    def begin(self, conversation_id: int, person_id: int, start: Start) -> None:
        """Note the stay of somebody who begins to listen, as it was read when the conversation's head was there."""
        page = self._pages.setdefault(conversation_id, Stays(known_n=start.head))
        page.known_n = min(page.known_n, start.head)
        self.note(conversation_id, person_id, start.stay)

    def note(self, conversation_id: int, person_id: int, stay: Stay) -> None:
        """Note a stay, of whomever, in a conversation that somebody listens to."""
        page = self._pages.get(conversation_id)
        if page is not None:
            page.by_person[person_id] = stay.or_newer(page.by_person.get(person_id))

    def advance(self, conversation_id: int, *, since: int, n: int) -> bool:
        """Note that every end after `since` up to `n` has been noted; False when somebody's stay is older than that.

        Then a socket came, while the ends were read, with what was known before `since`: read again.
        """
        page = self._pages.get(conversation_id)
        if page is None or page.known_n < since:
            return False
        page.known_n = max(page.known_n, n)
        return True

    def forget(self, conversation_id: int) -> None:
        self._pages.pop(conversation_id, None)
