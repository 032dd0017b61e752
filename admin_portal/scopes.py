"""What an export covers: whole conversations, opened between two moments. Checked once, when it is asked for.

The conversations are fixed in the request, so that the approver decides on exactly what will be made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from archive.events import Json
from archive.export.package import Scope
from messenger.conversations.models import Conversation
from messenger.people.errors import Invalid
from messenger.people.models import Person

MOST_CONVERSATIONS = 1000


@dataclass(frozen=True)
class ExportScope:
    """`since` is the first moment opened, `until` the first one not opened any more; None is no bound."""

    conversations: tuple[int, ...]
    since: datetime | None = None
    until: datetime | None = None

    def as_json(self) -> dict[str, Json]:
        return {
            "conversations": list(self.conversations),
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
        }

    def for_archive(self) -> Scope:
        streams = tuple(f"conversation:{number}" for number in self.conversations)
        return Scope(streams=streams, since=self.since, until=self.until)


def make_scope(
    conversation_ids: Sequence[int],
    *,
    person_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> ExportScope:
    """Return the scope, with every conversation that the person ever was a member of; raises Invalid with the field."""
    asked = set(conversation_ids)
    if person_id is not None:
        asked |= _conversations_of(person_id)
    if not asked:
        raise Invalid("conversations", "Name at least one conversation, or a person who was in one.")
    if len(asked) > MOST_CONVERSATIONS:
        raise Invalid("conversations", f"An export takes at most {MOST_CONVERSATIONS:,} conversations: narrow it.")
    known = set(Conversation.objects.filter(pk__in=asked).values_list("pk", flat=True))
    if asked - known:
        raise Invalid("conversations", f"There is no conversation with number {min(asked - known)}.")
    if since is not None and until is not None and since >= until:
        raise Invalid("until", "The last day must not be before the first one.")
    return ExportScope(conversations=tuple(sorted(asked)), since=since, until=until)


def read_scope(stored: dict[str, Json]) -> ExportScope:
    """Return the scope of a request as it was stored by `as_json`."""
    numbers = stored["conversations"]
    if not isinstance(numbers, list):
        raise TypeError("a stored scope names its conversations in a list")
    return ExportScope(
        conversations=tuple(int(str(number)) for number in numbers),
        since=_moment(stored.get("since")),
        until=_moment(stored.get("until")),
    )


def _moment(value: Json) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _conversations_of(person_id: int) -> set[int]:
    if not Person.objects.filter(pk=person_id).exists():
        raise Invalid("person", "There is no such person.")
    rows = Conversation.objects.filter(roster__memberships__person=person_id)
    return set(rows.values_list("pk", flat=True)[: MOST_CONVERSATIONS + 1])
