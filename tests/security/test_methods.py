"""A method that a route does not have is refused by everybody's door: typed at the API, and without a trace."""

from collections.abc import Iterator

import pytest

from tests.security.canaries import canaries_in
from tests.security.knocking import Answer
from tests.security.matrix import CODES
from tests.security.rows import Row
from tests.security.store import digests, undone
from tests.security.table import ROWS
from tests.security.world import World

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ASKERS = ("anonymous", "member", "officer")
# allauth's forms read a PUT as they read a POST: an empty form, which is answered with what is missing.
PUT_IS_POST = "accounts/"


def others_of(row: Row) -> Iterator[str]:
    """Yield the methods that no row has for the route of this one."""
    taken = {other.method for other in ROWS if other.route == row.route}
    return (method for method in METHODS if method not in taken)


def problem_of(row: Row, role: str, method: str, answer: Answer) -> str:
    """Say what is wrong with the answer, "" when nothing is."""
    if row.is_api and answer.status not in ({200, 401, 404} if method == "OPTIONS" else {401, 404, 405}):
        return f"{answer.status}"
    if row.is_api and answer.status >= 400 and answer.code() not in CODES[answer.status]:
        return f"not typed: {answer.text[:80]}"
    if row.is_api and answer.status == 404 and row.yes_for(role) is not None:
        return "not found, although it is there for them"
    is_refused = answer.status in (404, 405) or answer.is_to_sign_in
    if not row.is_api and not is_refused and not row.route.removeprefix("^").startswith(PUT_IS_POST):
        return f"{answer.status}"
    return f"tells {canaries_in(answer.everything)}" if canaries_in(answer.everything) else ""


@pytest.mark.backend("sqlite")  # no database decides it
def test_other_methods_are_refused_without_a_trace(world: World) -> None:
    before, wrong, count = digests(), [], 0
    for row in {row.route: row for row in reversed(ROWS)}.values():
        for method in others_of(row):
            for role in ASKERS:
                count += 1
                with undone() as watch:
                    answer = world.knockers[role].knock(method, row.path(world), {})
                    changed = watch.changes_since(before)
                problem = problem_of(row, role, method, answer) or (f"changed {changed}" if changed else "")
                wrong += [f"{role}: {method} {row.route}: {problem}"] if problem else []
    print(f"{count} cells of other methods")
    assert wrong == [], f"{len(wrong)} wrong of {count}:\n" + "\n".join(wrong[:60])
    assert count >= 400
