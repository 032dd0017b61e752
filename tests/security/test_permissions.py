"""Everybody at every door, for what is theirs, what is another's and what does not exist.

A refusal is the one that an absent object gets, changes no table and tells no planted word. Run with -s to see how many
cells there are of each relation.
"""

from collections.abc import Callable
from typing import Any

import pytest

from messenger.conversations.access import Seat, access_conversation
from messenger.people.actions import create_token
from messenger.people.errors import NotFound
from messenger.people.models import Person
from messenger.web import api
from tests.security.canaries import CANARIES
from tests.security.matrix import Matrix, routes, without_a_row
from tests.security.rows import Row
from tests.security.table import PARTS, ROWS
from tests.security.world import World

LEAST_CELLS = 400  # of each part
READ = "api/v1/conversations/<int:conversation_id>/messages"


def test_every_route_and_method_has_a_row() -> None:
    assert without_a_row(routes(), ROWS) == []
    assert {row.route for row in ROWS} <= {route for route, _ in routes()}, "rows of routes that are gone"


def test_a_route_or_method_without_a_row_is_named() -> None:
    class NewView:
        get = delete = None

    def new_view() -> None:
        """The view of a route that nobody has thought of."""

    new_view.view_class = NewView  # type: ignore[attr-defined]  # as Django marks the views of classes
    table: list[tuple[str, Callable[..., Any]]] = [*routes()]
    table += [("api/v1/back-door", new_view), ("c/back-door/", new_view), (READ, new_view)]
    assert without_a_row(table, ROWS) == [
        "api/v1/back-door",
        "GET api/v1/back-door",
        "DELETE api/v1/back-door",
        "c/back-door/",
        f"DELETE {READ}",
    ]


@pytest.mark.parametrize("part", PARTS)
def test_everybody_gets_what_is_theirs_and_nothing_else(world: World, part: str) -> None:
    matrix = Matrix(world)
    matrix.ask_all(PARTS[part])
    print(f"{part}: {matrix.counts.total()} cells, {dict(matrix.counts)}")
    assert not matrix.wrong, f"{len(matrix.wrong)} wrong of {matrix.counts.total()}:\n" + "\n".join(matrix.wrong[:60])
    assert matrix.counts.total() >= LEAST_CELLS


# --- the matrix sees what is wrong -----------------------------------------------------------------------------------
def rows_of_reading(*names: str) -> list[Row]:
    return [row for row in ROWS if (row.route, row.method) == (READ, "GET") and row.args["conversation_id"] in names]


def wrong_when(
    world: World, monkeypatch: pytest.MonkeyPatch, access: Callable[[Person, int], Seat], *, role: str
) -> list[str]:
    """Return what the matrix says of one role that reads one conversation past another access function."""
    monkeypatch.setattr(api, "access_conversation", access)
    matrix = Matrix(world)
    for row in rows_of_reading("talk"):
        matrix.ask_row(row, role)
    return matrix.wrong


def test_an_open_door_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    member = world.people["member"]
    wrong = wrong_when(world, monkeypatch, lambda person, number: access_conversation(member, number), role="stranger")
    assert any("200" in line and "instead of 404" in line for line in wrong), wrong
    assert any(f"shows {['talk_body']}" in line for line in wrong), wrong


def test_a_refusal_that_leaves_a_trace_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def note_and_refuse(person: Person, number: int) -> Seat:
        create_token(person, name="a trace")
        return access_conversation(person, number)

    wrong = wrong_when(world, monkeypatch, note_and_refuse, role="stranger")
    assert any("the refusal changed" in line and "messenger_apitoken" in line for line in wrong), wrong
    assert any("archive_head" in line for line in wrong), wrong


def test_a_refusal_that_tells_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def tell(person: Person, number: int) -> Seat:
        is_there = number == world.numbers["talk"]
        raise NotFound(f"{CANARIES['talk_title'].word} is not for you." if is_there else "There is nothing here.")

    wrong = wrong_when(world, monkeypatch, tell, role="former")
    assert any("tells ['talk_title']" in line for line in wrong), wrong
    assert any("differs from that of an absent one" in line for line in wrong), wrong


def test_a_door_that_is_shut_on_its_owner_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Seat:
        raise NotFound

    wrong = wrong_when(world, monkeypatch, refuse, role="member")
    assert any("404" in line and "instead of 200" in line for line in wrong), wrong
