"""The administrator runs the firm's accounts and reads none of its words: every address they can reach is looked at."""

import re
from collections.abc import Iterator
from itertools import product
from urllib.parse import urlencode

import pytest

from archive import ledger
from tests.security.canaries import CONTENT, canaries_in
from tests.security.rows_chat import everywhere_from_the_start
from tests.security.table import ROWS
from tests.security.world import CONVERSATIONS, PURPOSE, World

LINK = re.compile(r'href="(/[^"#]*)"')
# The simulator's phones belong to whoever reaches the page, and are in no production (messenger/web/phone.py).
NOT_A_ROLE = "phone/"
# The firm's address book: who may chat finds clients by name, and an administrator may chat.
ADDRESS_BOOK = re.compile(r"^/(contacts/|contacts/\d+/|new/|api/v1/contacts)(\?|$)")


def values_of(world: World) -> dict[str, list[int | str]]:
    """Return everything that can stand in an address, by the name of the parameter."""
    named = world.numbers
    return {
        "conversation_id": [named[name] for name in CONVERSATIONS],
        "n": list(range(1, 6)),
        "contact_id": [number for name, number in named.items() if name.endswith("contact")],
        "person_id": [number for name, number in named.items() if name.startswith("person_")],
        "report_id": [named["report"], named["near_report"]],
        "seq": list(range(ledger.latest_checkpoint().size)),
        "export_id": [named["export"], named["package"], named["api_package"]],
        "check_id": [named["check"]],
        "kind": [named["parked_kind"]],
        "key": [named["parked_key"]],
        "place": [named["first_file"]],
        "token": ["guess"],
        "secret": [named["used_invitation"]],
    }


def addresses(world: World) -> Iterator[str]:
    """Yield every address that answers a GET, with everything that there is."""
    values = values_of(world)
    for row in {row.route: row for row in ROWS if row.method == "GET"}.values():
        pattern = row.pattern or row.route
        names = re.findall(r"<\w+:(\w+)>", pattern)
        for chosen in product(*(values[name] for name in names)):
            path = "/" + pattern
            for name, value in zip(names, chosen, strict=True):
                path = re.sub(rf"<\w+:{name}>", str(value), path)
            yield path


def with_queries(world: World, paths: list[str]) -> Iterator[str]:
    """Yield the addresses again with what could be asked of them: lists with filters, entries with a purpose."""
    for path in paths:
        if "/entries/" in path:
            yield f"{path}?{urlencode({'purpose': PURPOSE})}"
        elif not re.search(r"\d/", path):
            yield from (f"{path}?{query}" for query in (everywhere_from_the_start(world, ""), "q=", "before=99999"))


def crawl(world: World, role: str, start: list[str]) -> dict[str, list[str]]:
    """Return the planted words that this role finds, by address: from these on, and wherever links lead."""
    waiting, found = list(start), {}
    while waiting:
        path, _, query = waiting.pop().partition("?")
        address = f"{path}?{query}" if query else path
        if address in found or path.removeprefix("/").startswith((NOT_A_ROLE, "static/")):
            continue
        answer = world.knockers[role].knock("GET", path, query=query)
        found[address] = canaries_in(answer.everything)
        waiting += [link.replace("&amp;", "&") for link in LINK.findall(answer.text)]
    return found


def test_the_administrator_finds_no_content_at_any_address(world: World) -> None:
    paths = list(addresses(world))
    found = crawl(world, "administrator", [*paths, *with_queries(world, paths)])
    print(f"{len(found)} addresses looked at by the administrator")
    shown = {address: sorted(CONTENT & set(words)) for address, words in found.items() if CONTENT & set(words)}
    assert shown == {}
    named = [address for address, words in found.items() if "contact_name" in words]
    assert [address for address in named if not ADDRESS_BOOK.match(address)] == []
    assert len(found) >= 400


@pytest.mark.backend("sqlite")  # the control of the looking itself, which no database changes
def test_the_same_look_by_an_officer_finds_it(world: World) -> None:
    words = {word for found in crawl(world, "officer", list(addresses(world))).values() for word in found}
    assert {"talk_title", "talk_body", "pair_body", "thread_body", "text_words", "export_purpose"} <= words
