"""Search the record, and open what was found. The entry about it is committed before anything is shown.

Without a purpose nothing is read. Must not show an entry's words in any other way than through these two actions.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from admin_portal.access import require
from admin_portal.looks import OPENABLE_KINDS, Look, look_at
from admin_portal.purposes import clean_purpose
from archive import events, ledger
from archive.events import Json
from archive.search import BadQuery, Page, Query, find
from messenger.people.errors import Invalid
from messenger.people.models import Person

PAGE_SIZE = 25
LONGEST_QUERY = 500


@dataclass(frozen=True)
class Search:
    """What is searched for. `since` is the first moment, `until` the first one after the last; `speaker` "person:3"."""

    words: str = ""
    speaker: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def as_json(self) -> dict[str, Json]:
        return {
            "words": self.words,
            "speaker": self.speaker,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
        }


def read_search(stored: dict[str, Json]) -> Search:
    """Return the search that `as_json` wrote down."""
    since, until = stored["since"], stored["until"]
    return Search(
        words=str(stored["words"]),
        speaker=str(stored["speaker"]),
        since=datetime.fromisoformat(str(since)) if since else None,
        until=datetime.fromisoformat(str(until)) if until else None,
    )


def run_search(
    by: Person, *, purpose: str, search: Search, after: int | None = None, at: datetime | None = None
) -> Page:
    """Return one page of hits, newest first; `after` is the cursor of the page before. The search is an entry.

    Raises NotFound for those who may not search, Invalid with the field `purpose`, `words` or `until`.
    """
    require(by, "record.search")
    purpose, search = clean_purpose(purpose), _checked(search)
    # Before the head is locked: a search may take seconds, and nobody could post meanwhile.
    page = _find(search, after=after)
    with ledger.transaction():
        by = require(by, "record.search")
        ledger.record(
            events.RecordSearched(
                stream=f"person:{by.pk}",
                actor=by.as_actor(),
                at=at or timezone.now(),
                purpose=purpose,
                query=search.as_json() | {"after": after},
                results=len(page.hits),
            )
        )
    return page


# rule: us-hipaa-audit-controls
def open_message(by: Person, *, purpose: str, seq: int, at: datetime | None = None) -> Look:
    """Show a message with two before and two after it. The look is an entry. Raises NotFound, Invalid (`purpose`)."""
    with ledger.transaction():
        by = require(by, "record.open")
        return look_at(by, purpose=clean_purpose(purpose), seq=seq, at=at or timezone.now())


def _checked(search: Search) -> Search:
    words = search.words.strip()
    if len(words) > LONGEST_QUERY or "\x00" in words:
        raise Invalid("words", f"A search is at most {LONGEST_QUERY} characters of text.")
    if search.since is not None and search.until is not None and search.since >= search.until:
        raise Invalid("until", "The last day must not be before the first one.")
    if not (words or search.speaker or search.since or search.until):
        raise Invalid("words", "Type a word, or choose a person or a day.")
    return replace(search, words=words)


def _find(search: Search, *, after: int | None) -> Page:
    query = Query(
        words=search.words,
        actor_ids=(search.speaker,) if search.speaker else None,
        kinds=OPENABLE_KINDS,
        since=search.since,
        until=search.until,
    )
    try:
        return find(query, after=after, limit=PAGE_SIZE)
    except BadQuery as error:
        raise Invalid("words", str(error)) from error
