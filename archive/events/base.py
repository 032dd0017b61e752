"""What all events share: the base class, the actor, and how an event becomes plain values. No Django.

An event holds snapshots (names as they were, ids as text), never references that could change under it.
Every field but `stream` and `at` is content: it is sealed in the entry's ciphertext and committed to one by one.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar

from archive.canonical import Json
from archive.events.attachments import names_of


@dataclass(frozen=True)
class Actor:
    """Who did it, as they were then. `id` is "person:3", "contact:9" or "system"."""

    id: str
    name: str
    role: str = ""

    def as_json(self) -> dict[str, Json]:
        return {"id": self.id, "name": self.name, "role": self.role}


SYSTEM = Actor(id="system", name="OnRecord", role="system")

_WORDS_FIELDS: dict[str, str] = {}  # kind -> words_field, filled as the classes are made


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events. `stream` is "conversation:7", "person:3", "contact:9" or "system"; `at` is aware and UTC."""

    kind: ClassVar[str]
    retention: ClassVar[str] = "7y"
    words_field: ClassVar[str] = ""  # the field that a search may find this entry by; "" for most kinds
    not_content: ClassVar[tuple[str, ...]] = ("stream", "at")  # fields that content() does not take as they are

    stream: str
    actor: Actor
    at: datetime

    def __init_subclass__(cls) -> None:
        if cls.words_field:
            _WORDS_FIELDS[cls.kind] = cls.words_field

    def content(self) -> dict[str, Json]:
        """Return the named fields that the entry seals, as JSON values."""
        names, values_of = _content_fields(type(self))  # type: ignore[arg-type]  # mypy takes an event's hash for its class's
        return {
            name: value if type(value) is str else _plain(value)  # most are
            for name, value in zip(names, values_of(self), strict=True)
        }

    def words(self) -> str:
        """Return the text that a search may find this entry by; "" for most kinds."""
        return words_of(self.kind, self.content())


def words_of(kind: str, content: dict[str, Json]) -> str:
    """Return the searchable text of an entry that was read back: the same as words() gave when it was recorded.

    The names of files are found like words.
    """
    field = _WORDS_FIELDS.get(kind)
    if not field:
        return ""
    words = str(content.get(field, ""))
    return "\n".join(filter(None, (words, *names_of(content)))) if "att.0" in content else words


@cache
def _content_fields(event_class: type[Event]) -> tuple[tuple[str, ...], Callable[[Event], tuple[Any, ...]]]:
    """Return the names of a class's content fields and what takes their values. (Any: as each field is declared.)"""
    names = tuple(field.name for field in fields(event_class) if field.name not in event_class.not_content)
    return names, attrgetter(*names) if len(names) > 1 else lambda event: tuple(getattr(event, n) for n in names)


def _plain(value: object) -> Json:
    if isinstance(value, Actor):
        return value.as_json()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"an event holds plain values only, not {type(value).__name__}")
