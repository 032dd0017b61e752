"""Events: every kind has one name, becomes canonical values, and says which of its fields a search reads."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import ClassVar

import pytest

from archive import canonical, events
from archive.events import Actor, Event
from tests.archive.samples import ALICE, NOON, said

KINDS = [
    item for item in vars(events).values() if isinstance(item, type) and issubclass(item, Event) and item is not Event
]


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    names = [kind.kind for kind in KINDS]
    assert len(names) > 30
    assert len(set(names)) == len(names)
    assert all(name.count(".") == 1 and name == name.lower() for name in names)


def every_kind(base: type[Event]) -> Iterator[type[Event]]:
    """Yield the classes that stand for entries, and not what only they share."""
    for event_class in base.__subclasses__():
        if "kind" in vars(event_class):
            yield event_class
        yield from every_kind(event_class)


def test_every_kind_of_event_can_be_had_from_the_package() -> None:
    product = [kind for kind in every_kind(Event) if kind.__module__.startswith("archive.")]
    assert set(product) == set(KINDS)
    assert {kind.__name__ for kind in KINDS} < set(events.__all__)


def test_the_field_that_a_search_reads_is_one_of_the_event() -> None:
    searched = [kind for kind in KINDS if kind.words_field]
    assert {kind.kind for kind in searched} >= {"message.created", "message.refused", "sms.received"}
    assert [kind for kind in searched if kind.words_field not in {field.name for field in fields(kind)}] == []


def test_words_read_back_are_the_words_that_were_recorded() -> None:
    event = said("Sell at 40?")
    assert event.words() == events.words_of(event.kind, event.content()) == "Sell at 40?"
    assert events.PasswordChanged(stream="person:1", actor=ALICE, at=NOON).words() == ""
    assert events.words_of("kind.of-later", {"body": "unknown"}) == ""


@dataclass(frozen=True, kw_only=True)
class Sample(Event):
    """An event with one field of any value."""

    kind: ClassVar[str] = "test.sample"
    value: object


def sample(value: object) -> Sample:
    return Sample(stream="system", actor=ALICE, at=NOON, value=value)


def test_content_is_plain_values_and_leaves_stream_and_time_out() -> None:
    content = sample(({"who": Actor(id="person:9", name="Zoë")}, None, True)).content()
    assert content == {
        "actor": {"id": "person:1", "name": "Alice", "role": "employee"},
        "value": [{"who": {"id": "person:9", "name": "Zoë", "role": ""}}, None, True],
    }
    assert canonical.parse(canonical.encode(content)) == content


@pytest.mark.parametrize("value", [1.5, b"bytes", NOON, {1, 2}, object()])
def test_what_is_no_plain_value_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="plain values only"):
        sample(value).content()
