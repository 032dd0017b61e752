"""Every row asked by everybody, for the object and for one that does not exist; what is wrong, in words.

Must know nothing of the product but its URL table and its answers.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.urls import URLPattern, URLResolver, get_resolver

from tests.security.canaries import canaries_in, misplaced_in
from tests.security.knocking import Answer
from tests.security.roles import ROLES
from tests.security.rows import Row
from tests.security.store import Digests, digests, undone
from tests.security.world import World

CODES: Final = {
    400: {"invalid"},
    401: {"not_signed_in"},
    403: {"forbidden"},
    404: {"not_found"},
    405: {"invalid"},
    409: {"conflict", "key_taken"},
}
API_METHODS: Final = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Cell:
    """One question. `absent` names what does not exist: a parameter of the address, "body", or "" when all do."""

    row: Row
    role: str
    absent: str = ""

    @property
    def name(self) -> str:
        relation = f" (absent {self.absent})" if self.absent else ""
        return f"{self.role}: {self.row.name}{relation}"


@dataclass
class Matrix:
    """Asks cell after cell, remembers what was wrong and how many there were of each relation."""

    world: World
    before: Digests = field(default_factory=digests)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    _heard: dict[tuple[str, str, str, str], Answer] = field(default_factory=dict)

    def ask_all(self, rows: Iterable[Row]) -> None:
        """Ask every row as everybody."""
        for row in rows:
            for role in ROLES:
                self.ask_row(row, role)

    def ask_row(self, row: Row, role: str) -> None:
        """Ask for the object, and for each way in which it could be absent."""
        names = [*row.args, "body"] if row.absent_body else [*row.args]
        absents = [self._ask_absent(Cell(row, role, name)) for name in names]
        answer = self._ask(Cell(row, role))
        self._judge(Cell(row, role), answer)
        if answer.status == 404 and any(absent != answer for absent in absents):
            self.wrong.append(f"{Cell(row, role).name}: its 404 differs from that of an absent one")
        if answer.status == 404 and not absents and not row.is_api and answer.text != self._nowhere(role).text:
            self.wrong.append(f"{Cell(row, role).name}: its 404 differs from that of a page that is not there")

    def _nowhere(self, role: str) -> Answer:
        question = (role, "GET", "/nowhere/", "")
        if question not in self._heard:
            self._heard[question] = self.world.knockers[role].knock("GET", "/nowhere/")
        return self._heard[question]

    def _ask_absent(self, cell: Cell) -> Answer:
        answer = self._ask(cell)
        row, role = cell.row, cell.role
        yes, no = row.yes_for(role), row.no_for(role)
        expected = row.usual_no_for(role) if yes is None and no is None else 404
        if cell.absent != next(iter(row.args), ""):
            expected = row.absent_no_for(role) or expected
        self._judge_refusal(cell, answer, expected=expected)
        self.counts["absent"] += 1
        return answer

    def _judge(self, cell: Cell, answer: Answer) -> None:
        row, role = cell.row, cell.role
        yes, no = row.yes_for(role), row.no_for(role)
        if yes is None:
            self.counts["refused"] += 1
            self._judge_refusal(cell, answer, expected=no or row.usual_no_for(role))
            return
        self.counts["allowed"] += 1
        if answer.status != yes or answer.is_to_sign_in:
            self.wrong.append(f"{cell.name}: {_said(answer)} instead of {yes}")
        self._find_misplaced(cell, answer)

    def _judge_refusal(self, cell: Cell, answer: Answer, *, expected: int) -> None:
        if answer.status != expected:
            self.wrong.append(f"{cell.name}: {_said(answer)} instead of {expected}")
        is_usual = cell.row.no_for(cell.role) is None
        if answer.status == 302 and answer.is_to_sign_in != is_usual:
            self.wrong.append(f"{cell.name}: leads to {answer.location}")
        if cell.row.is_api and answer.code() not in CODES.get(answer.status, ()):
            self.wrong.append(f"{cell.name}: not a typed failure: {_said(answer)}")
        told = canaries_in(answer.everything) if is_usual else []
        if told:
            self.wrong.append(f"{cell.name}: the refusal tells {told}")
        self._find_misplaced(cell, answer)

    def _find_misplaced(self, cell: Cell, answer: Answer) -> None:
        path = cell.row.path(self.world)
        found = set(misplaced_in(answer.everything, role=cell.role, path=path)) - set(cell.row.shows)
        if found:
            self.wrong.append(f"{cell.name}: shows {sorted(found)}")

    def _ask(self, cell: Cell) -> Answer:
        """Knock and undo; a refusal that changed a table is wrong. The same question is asked once."""
        row, role, world = cell.row, cell.role, self.world
        path, query = row.path(world, absent=cell.absent), row.query_for(world, role)
        body = row.body_for(world, role, is_absent=cell.absent == "body")
        question = (role, row.method, f"{path}?{query}", repr(body))
        if question not in self._heard:
            with undone() as watch:
                answer = world.knockers[role].knock(row.method, path, body, query=query)
                is_refusal = bool(cell.absent) or row.yes_for(role) is None
                changed = watch.changes_since(self.before) if is_refusal else []
            self._heard[question] = answer
            if changed:
                self.wrong.append(f"{cell.name}: the refusal changed {changed}")
        return self._heard[question]


def _said(answer: Answer) -> str:
    return f"{answer.status} {answer.location or answer.text[:80]!r}"


# --- the URL table ---------------------------------------------------------------------------------------------------
def routes(patterns: Iterable[Any] | None = None, prefix: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield every route of the product with its view, as the resolver holds them."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, route)
        elif isinstance(one, URLPattern):
            yield route, one.callback


def without_a_row(table: Iterable[tuple[str, Callable[..., Any]]], rows: Iterable[Row]) -> list[str]:
    """Name the routes that no row asks, and the methods of the API's views that none does."""
    asked = {(row.route, row.method) for row in rows}
    known = {route for route, _ in asked}
    missing = []
    for route, view in table:
        if route not in known:
            missing.append(route)
        missing += [f"{method} {route}" for method in _methods(route, view) if (route, method) not in asked]
    return missing


def _methods(route: str, view: Callable[..., Any]) -> list[str]:
    """Return the methods that a view of the API has; a page's are found by asking (test_permissions.py)."""
    view_class = getattr(view, "view_class", getattr(view, "cls", None))
    is_ours = route.startswith("api/")
    return [name.upper() for name in API_METHODS if hasattr(view_class, name)] if is_ours else []
