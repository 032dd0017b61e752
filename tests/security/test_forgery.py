"""Nothing is done for a page of somebody else: every unsafe method asks a session for the token of our own page."""

import pytest

from tests.security.canaries import canaries_in
from tests.security.rows import Row
from tests.security.store import digests, undone
from tests.security.table import ROWS
from tests.security.world import World

# What a browser does with a cookie alone; a personal token is no cookie, so no other page can send it.
UNSAFE = sorted({row.name: row for row in ROWS if row.method != "GET" and (row.yes or row.no)}.items())


def asker_of(row: Row) -> str:
    """Return somebody whose browser could do this, if only the page were ours."""
    roles = " ".join([*row.yes.values(), *row.no.values()]).split()
    return next((role for role in roles if role not in ("token", "revoked", "ended", "deactivated")), "stranger")


def test_a_form_or_call_of_another_page_does_nothing(world: World) -> None:
    before, wrong = digests(), []
    for name, row in UNSAFE:
        role = asker_of(row)
        with undone() as watch:
            body, query = row.body_for(world, role), row.query_for(world, role)
            answer = world.knockers[role].knock_from_elsewhere(row.method, row.path(world), body, query=query)
            changed = watch.changes_since(before)
        is_refused = answer.status == 403 and (answer.code() == "csrf") == row.is_api
        if not is_refused or changed or canaries_in(answer.everything):
            wrong.append(f"{role}: {name}: {answer.status} {changed} {answer.text[:80]}")
    print(f"{len(UNSAFE)} forged requests")
    assert wrong == [], f"{len(wrong)} wrong of {len(UNSAFE)}:\n" + "\n".join(wrong[:60])


@pytest.mark.parametrize("address", ["POST api/v1/tokens", "POST settings/tokens/"])
def test_the_same_request_from_our_own_page_is_done(world: World, address: str) -> None:
    row = next(row for row in ROWS if row.name == address)
    body = row.body_for(world, "member")
    ours = world.knockers["member"].with_page_token()
    assert ours.knock_from_elsewhere(row.method, row.path(world), body).status == row.yes_for("member")


def test_a_personal_token_needs_no_page(world: World) -> None:
    answer = world.knockers["token"].knock_from_elsewhere("POST", "/api/v1/tokens", {"name": "calendar"})
    assert answer.status == 201
