"""A store that was populated: its record is sound, its rows are the record's, and the same seed says the same again."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from archive import ledger
from messenger.conversations.models import Conversation, Mention, Message, ReadMarker
from messenger.conversations.posting import _MENTION
from messenger.people.models import Person
from messenger.policy.actions import add_rule
from messenger.populating.filling import DOMAIN
from messenger.spaces.models import Membership
from tests.cast import Cast
from tests.database import empty_database

pytestmark = pytest.mark.django_db


def populate(messages: int = 300, *, seed: int = 1, **options: object) -> str:
    out = StringIO()
    call_command("populate", messages=messages, seed=seed, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def said() -> list[tuple[str, str | None, str]]:
    """Return who said what where, in the order of the record; conversations by the order of their opening."""
    places = {pk: place for place, pk in enumerate(Conversation.objects.order_by("pk").values_list("pk", flat=True))}
    rows = Message.objects.order_by("seq").values_list("conversation_id", "author__name", "body")
    return [(f"{places[talk]}", author, body) for talk, author, body in rows]


def test_a_populated_store_is_sound_and_its_rows_are_those_of_the_record() -> None:
    populate()
    found = ledger.check_all()
    assert found.is_sound, found.problems[:3]
    assert Message.objects.count() == 300
    sizes = sorted(Conversation.objects.values_list("ordinal", flat=True))
    assert sum(sizes) == 300 and sizes[-1] > 5 * sizes[len(sizes) // 2]


def test_marks_and_mentions_are_what_posting_would_have_left() -> None:
    populate(600)
    names = {pk: name.split()[0].casefold() for pk, name in Person.objects.values_list("pk", "name")}
    members: dict[int, set[int]] = {}
    for talk, person in Membership.objects.values_list("roster__conversation__pk", "person_id"):
        members.setdefault(talk, set()).add(person)
    wanted = {
        (message.pk, person, message.ordinal)
        for message in Message.objects.filter(body__contains="@")
        for name in _MENTION.findall(message.body)
        for person in members[message.conversation_id] - {message.author_id}
        if names[person] == name.casefold()
    }
    assert len(wanted) > 10
    assert set(Mention.objects.values_list("message_id", "person_id", "ordinal")) == wanted
    last = {(m.conversation_id, m.author_id): m for m in Message.objects.order_by("n")}
    markers = {(m.conversation_id, m.person_id): m for m in ReadMarker.objects.select_related("conversation")}
    assert all((markers[at].n, markers[at].ordinal) >= (message.n, message.ordinal) for at, message in last.items())
    for marker in markers.values():
        read = Message.objects.filter(conversation=marker.conversation, n__lte=marker.n).count()
        assert marker.ordinal == read, f"{marker.conversation.stream}: read up to {marker.n}"
    assert any(at not in last and marker.ordinal for at, marker in markers.items()), "nobody only read"


@pytest.mark.django_db(transaction=True)
def test_the_same_seed_says_the_same_again_and_another_something_else() -> None:
    populate(120)
    first = said()
    empty_database()
    populate(120)
    assert said() == first
    empty_database()
    populate(120, seed=2)
    assert [body for _, _, body in said()] != [body for _, _, body in first]


def test_a_store_with_people_is_refused_and_left_as_it_was(cast: Cast) -> None:
    size = ledger.latest_checkpoint().size
    with pytest.raises(CommandError, match=f"holds {Person.objects.count()} people"):
        populate()
    with pytest.raises(CommandError, match="does not hold the invented firm"):
        populate(more=True)
    assert ledger.latest_checkpoint().size == size


def test_in_an_empty_store_nobody_can_talk_on() -> None:
    with pytest.raises(CommandError, match="does not hold the invented firm"):
        populate(more=True)
    assert ledger.is_empty()


def test_a_second_run_is_refused_unless_it_is_to_go_on() -> None:
    populate(50)
    with pytest.raises(CommandError, match="--more"):
        populate(50)
    people = Person.objects.count()
    populate(50, more=True)
    assert (Message.objects.count(), Person.objects.count()) == (100, people)
    assert len(set(Message.objects.values_list("client_key", flat=True))) == 100


def test_production_is_refused(settings: pytest.FixtureRequest) -> None:
    settings.ONRECORD_EMBEDDED = False  # type: ignore[attr-defined]  # pytest-django's fixture
    with pytest.raises(CommandError, match="production"):
        populate()
    assert ledger.is_empty()


@pytest.mark.parametrize("wrong", [{"messages": 0}, {"people": -1}, {"conversations": -5}])
def test_numbers_below_one_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(CommandError, match="at least 1"):
        populate(**{"messages": 10, **wrong})


def test_rules_of_the_firm_hold_for_what_is_populated() -> None:
    populate(50)
    cora = Person.objects.get(email=f"cora@{DOMAIN}")
    at = Message.objects.latest("seq").at
    add_rule("No thanks", by=cora, pattern="thanks", effect="refuse", at=at)
    add_rule("Drafts", by=cora, pattern="draft", effect="flag", at=at)
    populate(300, more=True)
    new = list(Message.objects.order_by("seq")[50:])
    drafts = [message for message in new if " draft" in message.body]
    assert drafts and not [message for message in new if "Thanks" in message.body]
    assert {ledger.open_entry(message.seq).content["hits"][0] for message in drafts} == {"Drafts@1"}


def test_the_command_says_who_administers() -> None:
    assert f"adam@{DOMAIN}" in populate(20)
