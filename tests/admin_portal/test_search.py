"""Searching and opening: who may, what it leaves in the record, and what is shown."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from admin_portal.labels import label_conversations
from admin_portal.search import Search, open_message, run_search
from admin_portal.snippets import Piece, pieces
from archive.search import Snippet
from messenger.conversations import actions
from messenger.conversations.moderation import remove_message
from messenger.people.errors import Conflict, Invalid, NotFound
from messenger.people.models import Person
from messenger.policy.actions import add_rule
from tests.admin_portal.conftest import PURPOSE, Office, looks_of, record_size, say

OUTSIDERS = ("alice", "charlie", "mona", "adam")
READERS = ("carl", "cora", "erin")


def person(office: Office, name: str) -> Person:
    found: Person = getattr(office.cast, name)
    return found


@pytest.mark.parametrize("name", OUTSIDERS)
def test_who_may_not_search_finds_nothing_there_and_leaves_no_trace(office: Office, name: str) -> None:
    size = record_size()
    with pytest.raises(NotFound):
        run_search(person(office, name), purpose=PURPOSE, search=Search(words="Meridian"))
    with pytest.raises(NotFound):
        open_message(person(office, name), purpose=PURPOSE, seq=office.messages[0].seq)
    assert record_size() == size


@pytest.mark.parametrize("name", READERS)
def test_a_search_is_an_entry_with_its_purpose_and_query(office: Office, name: str) -> None:
    reader = person(office, name)
    page = run_search(reader, purpose=PURPOSE, search=Search(words="Meridian"))
    assert [hit.n for hit in page.hits] == [office.messages[2].n, office.messages[0].n]
    (entry,) = looks_of(reader, "record.searched")
    assert entry.content["purpose"] == PURPOSE
    assert entry.content["query"]["words"] == "Meridian"  # type: ignore[index, call-overload]
    assert entry.content["results"] == 2


def test_without_a_purpose_nothing_is_shown_and_nothing_is_recorded(office: Office) -> None:
    size = record_size()
    for purpose in ("", "    ", "why", "x" * 400, "with a \x00 in it"):
        with pytest.raises(Invalid, match="Say why you look"):
            run_search(office.cast.carl, purpose=purpose, search=Search(words="Meridian"))
        with pytest.raises(Invalid, match="Say why you look"):
            open_message(office.cast.carl, purpose=purpose, seq=office.messages[0].seq)
    assert record_size() == size


def test_a_search_holds_nobody_up(office: Office) -> None:
    with CaptureQueriesContext(connection) as queries:
        run_search(office.cast.carl, purpose=PURPOSE, search=Search(words="lawyer"))
    statements = [query["sql"] for query in queries]
    searched = max(place for place, sql in enumerate(statements) if "archive_document" in sql)
    locked = min(place for place, sql in enumerate(statements) if "archive_head" in sql)
    assert searched < locked


def test_a_search_is_narrowed_by_who_said_it_and_when(office: Office) -> None:
    carl, bob = office.cast.carl, f"person:{office.cast.bob.pk}"
    page = run_search(carl, purpose=PURPOSE, search=Search(speaker=bob))
    assert {hit.actor_id for hit in page.hits} == {bob}
    assert len(page.hits) == 3
    now = datetime.now(UTC)
    late = run_search(carl, purpose=PURPOSE, search=Search(words="Meridian", since=now + timedelta(hours=1)))
    early = run_search(carl, purpose=PURPOSE, search=Search(words="Meridian", until=now + timedelta(hours=1)))
    assert (len(late.hits), len(early.hits)) == (0, 2)


BAD_SEARCHES = (
    (Search(), "words"),
    (Search(words="   "), "words"),
    (Search(words='"never closed'), "words"),
    (Search(words="x" * 501), "words"),
    (Search(words="x", since=datetime(2026, 2, 1, tzinfo=UTC), until=datetime(2026, 1, 1, tzinfo=UTC)), "until"),
)


def test_a_search_that_cannot_be_read_names_the_field(office: Office) -> None:
    size = record_size()
    for search, field in BAD_SEARCHES:
        with pytest.raises(Invalid) as refused:
            run_search(office.cast.carl, purpose=PURPOSE, search=search)
        assert refused.value.field == field
    assert record_size() == size


def test_pages_of_hits_follow_each_other_without_gap_or_repeat(office: Office) -> None:
    for number in range(30):
        say(office.cast.alice, office.talk, f"needle {number}")
    first = run_search(office.cast.carl, purpose=PURPOSE, search=Search(words="needle"))
    second = run_search(office.cast.carl, purpose=PURPOSE, search=Search(words="needle"), after=first.next)
    seqs = [hit.seq for hit in (*first.hits, *second.hits)]
    assert (len(seqs), len(set(seqs)), second.next) == (30, 30, None)
    assert len(looks_of(office.cast.carl, "record.searched")) == 2


# rule: us-hipaa-audit-controls
def test_opening_shows_two_before_and_two_after_and_is_an_entry(office: Office) -> None:
    target = office.messages[2]
    look = open_message(office.cast.erin, purpose=PURPOSE, seq=target.seq)
    assert [line.body for line in look.lines] == [message.body for message in office.messages[:5]]
    (entry,) = looks_of(office.cast.erin, "entry.opened")
    assert entry.content["seq"] == target.seq
    assert entry.content["author"] == f"person:{office.cast.alice.pk}"
    assert entry.content["conversation"] == office.talk.stream
    assert entry.content["shown"] == [office.messages[at].n for at in (0, 1, 3, 4)]


def test_at_the_edge_of_a_conversation_fewer_are_shown(office: Office) -> None:
    look = open_message(office.cast.carl, purpose=PURPOSE, seq=office.messages[0].seq)
    assert (len(look.before), len(look.after)) == (0, 2)


def test_removed_words_are_found_and_shown_as_removed(office: Office) -> None:
    remove_message(office.cast.mona, message=office.messages[2], reason="A promise")
    page = run_search(office.cast.carl, purpose=PURPOSE, search=Search(words="guarantee"))
    look = open_message(office.cast.carl, purpose=PURPOSE, seq=page.hits[0].seq)
    assert look.target.body == "I can guarantee a return of nine percent on Meridian."
    assert [line.is_removed for line in look.lines] == [False, False, True, False, False]


def test_refused_words_are_found_although_nobody_saw_them(office: Office) -> None:
    add_rule("No pigeons", by=office.cast.carl, pattern="pigeon", effect="refuse", at=datetime.now(UTC))
    refused = actions.post_message(
        office.cast.alice, conversation_id=office.talk.pk, client_key=uuid4(), body="Use the pigeon."
    )
    assert isinstance(refused, actions.Refusal)
    (hit,) = run_search(office.cast.carl, purpose=PURPOSE, search=Search(words="pigeon")).hits
    look = open_message(office.cast.carl, purpose=PURPOSE, seq=hit.seq)
    assert (look.target.body, look.before, look.after, look.conversation_id) == ("Use the pigeon.", (), (), None)


def test_an_entry_that_is_no_message_is_not_opened(office: Office) -> None:
    for seq in (0, record_size() + 1000):
        with pytest.raises(NotFound):
            open_message(office.cast.carl, purpose=PURPOSE, seq=seq)
    assert looks_of(office.cast.carl, "entry.opened") == []


@pytest.mark.breaks_the_record
def test_an_entry_whose_key_is_gone_says_so(office: Office, lost_key: int) -> None:
    for seq in (lost_key, office.messages[1].seq):
        with pytest.raises(Conflict, match="its key is gone"):
            open_message(office.cast.carl, purpose=PURPOSE, seq=seq)
    assert looks_of(office.cast.carl, "entry.opened") == []


def test_a_snippet_is_cut_at_its_marks_and_loses_nothing() -> None:
    snippet = Snippet("one two three", ((0, 3), (8, 13)))
    assert pieces(snippet) == [
        Piece("one", is_marked=True),
        Piece(" two ", is_marked=False),
        Piece("three", is_marked=True),
    ]
    assert pieces(Snippet("plain", ())) == [Piece("plain", is_marked=False)]


def test_names_of_conversations_cost_a_constant_number_of_queries(
    office: Office, django_assert_num_queries: object
) -> None:
    ids = [office.talk.pk]
    with django_assert_num_queries(2):  # type: ignore[operator]  # pytest-django's fixture
        labels = label_conversations(ids)
    assert labels == {office.talk.pk: "Direct · Alice, Bob"}
