"""Search over real entries: the same answers on both databases."""

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from archive import events, ledger, search
from archive.events import Actor
from archive.search import TOTAL_LIMIT, BadQuery, Page, Query, find
from tests.messenger.conversations.plans import cost_of

ALICE = Actor(id="person:1", name="Alice Adams", role="employee")
BOB = Actor(id="person:2", name="Bob Brown", role="employee")
NINE = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def say(body: str, *, actor: Actor = ALICE, stream: str = "conversation:7", minutes: int = 0) -> ledger.Receipt:
    at = NINE + timedelta(minutes=minutes)
    message = events.MessageCreated(stream=stream, actor=actor, at=at, body=body, client_key=f"{stream}{minutes}")
    with ledger.transaction():
        return ledger.record(message)


def fill_with_words(count: int) -> None:
    """Record messages of two people in two conversations, a minute apart: every one has "word", every second "even"."""
    with ledger.transaction():
        ledger.record_all(
            [
                events.MessageCreated(
                    stream=f"conversation:{7 + n % 3 // 2}",
                    actor=(ALICE, BOB)[n % 5 // 3],
                    at=NINE + timedelta(minutes=n),
                    body=f"word {('even', 'odd')[n % 2]}{' seventh' if n % 7 == 0 else ''}",
                    client_key=uuid4().hex,
                )
                for n in range(count)
            ]
        )


def look_up() -> None:
    """Ask for the newest entries with the word as SQLite would find them by itself."""
    list(search._filtered(Query(words="word"), search.parse("word")).order_by("-seq")[:5])


def texts(page: Page) -> list[str]:
    return [hit.snippet.text for hit in page.hits]


def find_texts(words: str) -> list[str]:
    return texts(find(Query(words=words)))


@pytest.fixture
def office() -> None:
    """Five messages by two people in two conversations, a minute apart, and one act without words."""
    say("We should sell now", minutes=0)
    say("Sell by phone, not by mail", actor=BOB, minutes=1)
    say("The café is guaranteed to be open", minutes=2)
    say("now or never: off-channel talk", stream="conversation:8", actor=BOB, minutes=3)
    say("ÄRGER in Привет-Straße 12", stream="conversation:8", minutes=4)
    with ledger.transaction():
        ledger.record(events.PasswordChanged(stream="person:1", actor=ALICE, at=NINE))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("sell", ["Sell by phone, not by mail", "We should sell now"]),
        ("sell now", ["We should sell now"]),
        ("SELL AND Now", ["We should sell now"]),
        ('"sell now"', ["We should sell now"]),
        ('"now sell"', []),
        ("phone OR never", ["now or never: off-channel talk", "Sell by phone, not by mail"]),
        ("sell -phone", ["We should sell now"]),
        ("sell NOT now", ["Sell by phone, not by mail"]),
        ('sell -"by phone"', ["We should sell now"]),
        ("guarant*", ["The café is guaranteed to be open"]),
        ("guarant", []),
        ("cafe", ["The café is guaranteed to be open"]),
        ("CAFÉ", ["The café is guaranteed to be open"]),
        ("off-channel", ["now or never: off-channel talk"]),
        ("off-chan*", ["now or never: off-channel talk"]),
        ("channel-off", []),
        ("ärger", ["ÄRGER in Привет-Straße 12"]),
        ("привет", ["ÄRGER in Привет-Straße 12"]),
        ("straße 12", ["ÄRGER in Привет-Straße 12"]),
        ("absent", []),
        ("sell' OR 'x", ["Sell by phone, not by mail", "We should sell now"]),
    ],
)
@pytest.mark.usefixtures("office")
def test_words_phrases_and_operators_find_the_same_on_both_databases(words: str, found: list[str]) -> None:
    assert find_texts(words) == found


@pytest.mark.usefixtures("office")
def test_without_words_everything_that_has_words_is_found_newest_first() -> None:
    page = find(Query())
    assert [hit.seq for hit in page.hits] == [4, 3, 2, 1, 0]
    assert (page.total, page.is_total_exact, page.next) == (5, True, None)


@pytest.mark.usefixtures("office")
def test_a_hit_says_who_said_it_where_and_when() -> None:
    (hit,) = find(Query(words="never")).hits
    assert (hit.seq, hit.stream, hit.n, hit.kind) == (3, "conversation:8", 1, "message.created")
    assert (hit.at, hit.actor_id, hit.actor_name) == (NINE + timedelta(minutes=3), "person:2", "Bob Brown")
    assert [hit.snippet.text[start:end] for start, end in hit.snippet.marks] == ["never"]


@pytest.mark.parametrize(
    ("query", "seqs"),
    [
        (Query(actor_ids=("person:2",)), [3, 1]),
        (Query(streams=("conversation:8",)), [4, 3]),
        (Query(streams=("conversation:8", "conversation:7"), words="now"), [3, 0]),
        (Query(kinds=("message.created",)), [4, 3, 2, 1, 0]),
        (Query(kinds=("message.refused",)), []),
        (Query(since=NINE + timedelta(minutes=3)), [4, 3]),
        (Query(until=NINE + timedelta(minutes=3)), [2, 1, 0]),
        (Query(since=NINE + timedelta(minutes=1), until=NINE + timedelta(minutes=2)), [1]),
        (Query(actor_ids=("person:2",), streams=("conversation:7",)), [1]),
        (Query(streams=()), []),  # a searcher who may see nothing finds nothing
        (Query(actor_ids=(), words="sell"), []),
    ],
    ids=repr,
)
@pytest.mark.usefixtures("office")
def test_filters_narrow_what_is_found(query: Query, seqs: list[int]) -> None:
    assert [hit.seq for hit in find(query).hits] == seqs


def test_pages_follow_each_other_without_gap_or_repetition_while_messages_arrive() -> None:
    said = [say(f"word {number}", minutes=number).seq for number in range(7)]
    seen: list[int] = []
    after = None
    for pages in range(1, 10):
        page = find(Query(words="word"), after=after, limit=3)
        seen += [hit.seq for hit in page.hits]
        say(f"word arriving {pages}", minutes=100 + pages)
        if page.next is None:
            break
        after = page.next
    assert seen == sorted(said, reverse=True)
    assert pages == 3


def test_a_total_beyond_the_bound_is_said_to_be_more() -> None:
    batch = [
        events.MessageCreated(stream="conversation:7", actor=ALICE, at=NINE, body=f"word {n}", client_key=str(n))
        for n in range(TOTAL_LIMIT + 1)
    ]
    with ledger.transaction():
        ledger.record_all(batch[:TOTAL_LIMIT])
    page = find(Query(words="word"))
    assert (page.total, page.is_total_exact) == (TOTAL_LIMIT, True)
    with ledger.transaction():
        ledger.record_all(batch[TOTAL_LIMIT:])
    page = find(Query(words="word"))
    assert (page.total, page.is_total_exact, len(page.hits)) == (TOTAL_LIMIT, False, 25)


@pytest.mark.usefixtures("office")
def test_a_page_costs_the_same_few_queries_however_much_is_found() -> None:
    narrow = partial(find, Query(words="never OR sell", actor_ids=("person:1",), until=NINE), after=99)
    with CaptureQueriesContext(connection) as few:
        find(Query(words="never"))
        narrow()
    for number in range(30):
        say(f"never {number}", minutes=10 + number)
    with CaptureQueriesContext(connection) as many:
        find(Query(words="never"))
        narrow()
    assert len(few) <= len(many) <= (8 if connection.vendor == "sqlite" else 4)


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize("steps", [2, 100])
def test_walking_back_finds_what_looking_up_finds(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_with_words(60)
    monkeypatch.setattr(search, "STEP", 3)
    narrower: list[dict[str, Any]] = [
        {},
        {"actor_ids": ("person:1",)},
        {"streams": ("conversation:7",), "kinds": ("message.created",)},
        {"since": NINE + timedelta(minutes=10), "until": NINE + timedelta(minutes=50)},
    ]
    for words in ("even", "word", "odd OR seventh", "word -even", "absent", "word*"):
        for narrow, after in product(narrower, (None, 40, 2)):
            query = Query(words=words, **narrow)
            monkeypatch.setattr(search, "STEPS", 0)  # it is given up before it begins
            looked_up = find(query, after=after, limit=4)
            monkeypatch.setattr(search, "STEPS", steps)
            assert find(query, after=after, limit=4) == looked_up, (query, after)


@pytest.mark.backend("sqlite")
def test_a_common_word_costs_no_more_in_a_longer_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "TOTAL_LIMIT", 10)
    monkeypatch.setattr(search, "STEP", 20)
    fill_with_words(100)
    few, few_looked_up = cost_of(lambda: find(Query(words="word"))), cost_of(look_up)
    fill_with_words(500)
    many, many_looked_up = cost_of(lambda: find(Query(words="word"))), cost_of(look_up)
    assert many.work <= few.work * 1.1
    assert many_looked_up.work > 2 * few_looked_up.work  # the control: what SQLite does by itself


def test_a_query_that_cannot_be_read_reaches_no_database() -> None:
    with CaptureQueriesContext(connection) as queries, pytest.raises(BadQuery, match="not closed"):
        find(Query(words='"open'))
    assert len(queries) == 0


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    "words", ["a' OR 1=1 --", 'x" OR text:y', "a:* & !b", "{a} ^ b NEAR(c d)", "a\0b", "\ud800 sell"]
)
def test_hostile_words_find_nothing_and_break_nothing(words: str) -> None:
    try:
        page = find(Query(words=words))
    except BadQuery:
        return
    assert page.hits == ()


def test_the_snippet_shows_a_match_far_into_a_long_message() -> None:
    say("lorem " * 2000 + "needle " + "ipsum " * 2000)
    (hit,) = find(Query(words="needle")).hits
    assert "needle" in hit.snippet.text
    assert hit.snippet.marks
