"""What a process hands to its own sockets is, byte for byte, what a look into the database would bring them."""

import uuid
from collections.abc import Sequence

import orjson
import pytest

from archive import ledger
from messenger.conversations import live, membership
from messenger.conversations.handing import rendered
from messenger.conversations.markup import render_body
from messenger.conversations.models import Conversation, Message
from messenger.conversations.opening import open_client_thread
from messenger.conversations.posting import Wish, write_posts
from messenger.conversations.queries import message_frame_of
from messenger.delivery import bus
from messenger.delivery.reading import Fresh, Want
from messenger.people.models import Person
from tests.cast import Cast
from tests.messenger.conversations import office, samples
from tests.messenger.conversations.test_attachments import post, send_up

pytestmark = pytest.mark.django_db(transaction=True)
BODIES = (
    "good morning",
    "*two* `words` & <b>more</b>\n\n- a list\n- of things",
    "@bob, @Alice: look",
    'quotes " and \\ and \u2028 and \x7f and \U0001f600 and \u00e9',
    "x" * 20_000,
)


class Ears:
    """What the bus brings to this process."""

    def __init__(self) -> None:
        self.hints: list[str] = []
        self.events: list[Fresh] = []


@pytest.fixture
def ears(monkeypatch: pytest.MonkeyPatch) -> Ears:
    heard = Ears()
    monkeypatch.setattr(bus, "_publisher", None)  # hints go by Redis otherwise; what is handed over never does
    monkeypatch.setattr(bus, "_listeners", {heard.hints.append})
    monkeypatch.setattr(bus, "_takers", {heard.events.extend})
    return heard


def looked_up(conversation: Conversation, *, after: int = 0) -> list[tuple[int, bytes]]:
    starts = {conversation.pk: after}
    return list(live.read_batch(Want(starts=starts, known=starts, marks=live.current_marks())).frames[conversation.pk])


def handed(events: Sequence[Fresh]) -> list[tuple[int, bytes]]:
    return [(event.n, event.encode()) for event in events]


def test_every_message_is_handed_over_as_a_fetch_would_bring_it(cast: Cast, ears: Ears) -> None:
    talk = office.group(cast.alice, cast.bob)
    for number, body in enumerate(BODIES):
        office.say((cast.alice, cast.bob)[number % 2], talk, body)
    assert handed(ears.events) == looked_up(talk, after=1)
    assert len(ears.events) == len(BODIES)


def test_files_are_shown_alike(cast: Cast, ears: Ears) -> None:
    talk = office.direct(cast.alice, cast.bob)
    pdf, picture = send_up(cast.alice), send_up(cast.alice, samples.image(), name="the \u00fcber chart.png")
    post(cast.alice, talk, pdf, picture, body="see these")
    (fetched,) = looked_up(talk, after=1)
    assert handed(ears.events) == [fetched]
    assert [file["name"] for file in orjson.loads(fetched[1])["message"]["attachments"]] == [pdf.name, picture.name]


def test_many_in_one_commit_are_handed_over_together(cast: Cast, ears: Ears) -> None:
    talks = [office.group(cast.alice, cast.bob, title=title) for title in ("one", "two")]
    with ledger.transaction():
        write_posts([_wish(cast.alice, talk, "hello") for talk in talks * 3])
        assert ears.events == []
    for talk in talks:
        mine = [event for event in ears.events if event.conversation_id == talk.pk]
        assert handed(mine) == looked_up(talk, after=1)
    assert len(ears.events) == 6


def test_the_answer_to_the_sender_shows_the_same_bytes(cast: Cast, ears: Ears) -> None:
    message = office.say(cast.alice, office.direct(cast.alice, cast.bob), "hello")
    shown = orjson.dumps(rendered(message))
    assert shown in ears.events[0].encode()
    assert orjson.loads(shown) == message_frame_of(Message.objects.get(pk=message.pk))


def test_a_row_that_was_loaded_is_shown_as_it_is_now(cast: Cast) -> None:
    said = office.say(cast.alice, office.direct(cast.alice, cast.bob), "hello")
    loaded = Message.objects.get(pk=said.pk)
    assert orjson.loads(orjson.dumps(rendered(loaded)))["body"] == "hello"
    loaded.state = Message.REMOVED
    assert orjson.loads(orjson.dumps(rendered(loaded)))["body"] == ""


def test_what_is_taken_back_is_handed_to_nobody(cast: Cast, ears: Ears) -> None:
    talk = office.direct(cast.alice, cast.bob)
    ears.hints.clear()
    with pytest.raises(LookupError):
        _write_and_break(_wish(cast.alice, talk, "hello"))
    assert (ears.events, ears.hints) == ([], [])


def test_who_asks_again_with_the_same_key_has_nothing_handed_over(cast: Cast, ears: Ears) -> None:
    talk, key = office.direct(cast.alice, cast.bob), uuid.uuid4()
    office.say(cast.alice, talk, "hello", key)
    office.say(cast.alice, talk, "hello", key)
    assert len(ears.events) == 1


def test_what_is_no_chat_message_is_only_hinted_at(cast: Cast, ears: Ears) -> None:
    """Members, removals and texts: what ends a membership, and what is shown by more than its own row."""
    talk = office.group(cast.alice, cast.bob)
    office.say(cast.alice, talk)
    thread = open_client_thread(cast.alice, contact=cast.contact, others=[]).conversation
    ears.events.clear()
    ears.hints.clear()
    membership.add_member(cast.alice, conversation_id=talk.pk, person_id=cast.dana.pk)
    membership.remove_member(cast.alice, conversation_id=talk.pk, person_id=cast.bob.pk)
    assert (ears.events, set(ears.hints)) == ([], {str(talk.pk)})
    ears.hints.clear()
    office.say(cast.alice, thread, "a text")
    assert (ears.events, set(ears.hints)) == ([], {str(thread.pk)})


def _wish(person: Person, conversation: Conversation, body: str) -> Wish:
    return Wish(person.pk, conversation.pk, uuid.uuid4(), body, render_body(body))


def _write_and_break(wish: Wish) -> None:
    with ledger.transaction():
        write_posts([wish])
        raise LookupError
