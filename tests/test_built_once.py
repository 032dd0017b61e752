"""What is built once and put back is what the actions built: the same rows, a sound record that goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from archive import ledger
from messenger.conversations import actions, opening
from messenger.people.models import Person
from tests.built_once import built_once, rows_of_all_tables
from tests.cast import Cast, build_cast, hire
from tests.invariants import check_invariants

Builder = Callable[[], Cast]


@contextmanager
def taken_back() -> Iterator[None]:
    """Undo the block, as the end of a test does."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def built() -> list[Cast]:
    """What the builder of the test has built, one for each time."""
    return []


@pytest.fixture
def build(built: list[Cast]) -> Builder:
    def build_and_note() -> Cast:
        built.append(build_cast())
        return built[-1]

    return build_and_note


@pytest.fixture
def keys(db: None) -> None:
    """The first record of a process makes its keys, and rows are put back under the same keys only."""
    with taken_back():
        build_cast()


@pytest.mark.usefixtures("keys")
def test_the_second_time_the_same_rows_stand_there_without_building(build: Builder, built: list[Cast]) -> None:
    with taken_back():
        built_once(build)
        first = rows_of_all_tables()
    with taken_back():
        again = built_once(build)
        assert rows_of_all_tables() == first
    assert len(built) == 1
    assert (again, again.alice is built[0].alice) == (built[0], False)


@pytest.mark.usefixtures("keys")
def test_what_was_put_back_is_sound_and_goes_on(build: Builder, built: list[Cast]) -> None:
    for _ in range(3):
        with taken_back():
            cast = built_once(build)
            talk = opening.open_direct(cast.alice, others=[cast.bob.pk]).conversation
            posted = actions.post_message(cast.bob, conversation_id=talk.pk, client_key=uuid4(), body="Heron again")
            assert isinstance(posted, actions.Posted)
            assert ledger.open_entry(posted.message.seq).content["body"] == "Heron again"
            assert hire("gale", by=cast.adam).pk > max(person.pk for person in (cast.alice, cast.adam, cast.erin))
            check_invariants()
    assert len(built) == 1


@pytest.mark.usefixtures("keys")
def test_nothing_is_put_back_where_anything_else_was_before(
    build: Builder, built: list[Cast], settings: Settings
) -> None:
    with taken_back():
        built_once(build)
    with taken_back():
        Person.objects.create(name="Early", email="early@firm.example", joined_at=timezone.now())
        built_once(build)
    with taken_back():
        settings.ONRECORD_SWEEP_S = 77.0
        built_once(build)
    assert len(built) == 3


@pytest.mark.usefixtures("keys")
def test_what_followed_another_record_is_built_anew(built: list[Cast]) -> None:
    talks: list[int] = []

    def build_talk(cast: Cast) -> None:
        talks.append(opening.open_direct(cast.alice, others=[cast.bob.pk]).conversation.pk)

    for _ in range(2):
        with taken_back():
            built_once(build_talk, build_cast())
    assert len(talks) == 2


@pytest.mark.django_db(transaction=True)
def test_who_commits_builds_anew(build: Builder, built: list[Cast]) -> None:
    built_once(build)
    assert len(built) == 1
    assert not transaction.get_connection().in_atomic_block
    check_invariants()
