"""What must hold after every test that used the database: the record is sound and the rows agree with it.

I1, I2: every message has its entry under a signed checkpoint. I5: stream numbers have no gap. I8: the record verifies.
A test that damages the record on purpose is marked `breaks_the_record`.
"""

from collections.abc import Iterator

import pytest

from archive import ledger
from messenger.conversations.models import Conversation, Message, StreamEvent
from tests.built_once import counts_of_rows
from tests.selection import uses_database

FAILED = pytest.StashKey[bool]()
MESSAGE_KINDS = frozenset({"message.created", "sms.received"})


def check_invariants() -> None:
    """Raise AssertionError naming the first thing that does not hold."""
    report = ledger.check()
    assert report.is_sound, f"the record is not sound: {report.problems[:3]}"
    compared = ledger.compare()
    assert compared.is_sound, f"the chat's rows differ from the record: {compared.problems[:3]}"
    for conversation in Conversation.objects.all():
        check_stream(conversation)
    for message in Message.objects.select_related("conversation"):
        check_message(message)


def check_stream(conversation: Conversation) -> None:
    """The events that clients are told are exactly the entries of the stream, numbered from 1 without a gap."""
    entries = [(entry.n, entry.seq, entry.kind) for entry in all_entries(conversation.stream)]
    told = list(StreamEvent.objects.filter(conversation=conversation).order_by("n").values_list("n", "seq", "kind"))
    assert told == entries, f"{conversation.stream}: the events told are not the entries"
    assert [n for n, _, _ in entries] == list(range(1, conversation.head + 1)), f"{conversation.stream} has a gap"


def all_entries(stream: str) -> Iterator[ledger.Opened]:
    after = 0
    while page := ledger.read_stream(stream, after=after):
        yield from page
        after = page[-1].n


def check_message(message: Message) -> None:
    """The row says what the entry says."""
    entry = ledger.open_entry(message.seq)
    assert (entry.stream, entry.n) == (message.conversation.stream, message.n), f"message {message.pk}: wrong entry"
    assert entry.kind in MESSAGE_KINDS, f"message {message.pk}: its entry is a {entry.kind}"
    if entry.disposed_by is not None:
        assert (message.is_disposed, message.body, message.html) == (True, "", ""), f"message {message.pk}: words stay"
        return
    assert entry.content["body"] == message.body, f"message {message.pk}: the words differ from the record"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed:  # type: ignore[attr-defined]  # pluggy sends the report into the generator
        item.stash[FAILED] = True
    return report


@pytest.fixture(autouse=True)
def invariants_hold(request: pytest.FixtureRequest, _django_db_marker: None) -> Iterator[None]:
    """Check after the test and before its database is emptied; a test that failed has said enough already."""
    item = request.node
    if not uses_database(item):
        yield
        return
    request.getfixturevalue("_django_db_helper")
    yield
    is_exempt = FAILED in item.stash or item.get_closest_marker("breaks_the_record") is not None
    if not is_exempt and any(counts_of_rows()):  # where no row is, nothing can be wrong
        check_invariants()
