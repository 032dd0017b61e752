"""Pages stay fast: what a page makes the database read does not grow with what was said before.

The product's own functions run in a store of some thousand messages, then again when it has four times as many.
"""

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Max

from admin_portal.looks import read_look
from messenger.conversations import actions, live, paging, queries
from messenger.conversations.access import Seat, access_conversation, access_message
from messenger.conversations.models import Conversation, Message
from messenger.conversations.places import read_places
from messenger.delivery.reading import Want
from messenger.people.models import Person
from tests.messenger.conversations.plans import cost_of, renew_statistics

pytestmark = pytest.mark.django_db
FEW, MANY = 320, 960  # messages, and how many are added; few enough for a test, and every page is a full one
SLACK = 1.15  # an index may be a level higher


def populate(messages: int, **options: object) -> None:
    call_command("populate", messages=messages, people=30, conversations=12, stdout=StringIO(), **options)
    renew_statistics()


def reader() -> Person:
    """Return the person who is in most conversations."""
    return Person.objects.exclude(name__endswith="Populated").order_by("pk")[0]


def busiest() -> Conversation:
    return Conversation.objects.order_by("-ordinal")[0]


def seat() -> Seat:
    return access_conversation(reader(), busiest().pk)


def read_everything() -> None:
    """Read everything, but for the end of the busiest conversation: as much is unread each time."""
    person, kept = reader(), busiest()
    for place in read_places(person):
        actions.mark_read(
            person, conversation_id=place.conversation_id, n=place.head - 10 * (place.conversation_id == kept.pk)
        )


def want() -> Want:
    starts = {busiest().pk: busiest().head - 20}
    return Want(starts=starts, known=starts, marks=live.current_marks())


def middle() -> int:
    return busiest().head // 2


PAGES: dict[str, Callable[[], object]] = {
    "newest page": lambda: paging.newest_page(seat()),
    "older page": lambda: paging.page_before(seat(), before=middle()),
    "newer page": lambda: paging.page_after(seat(), after=middle()),
    "page around a message": lambda: paging.page_around(seat(), n=middle()),
    "one message": lambda: access_message(reader(), busiest().pk, busiest().head),
    "sidebar": lambda: queries.list_conversations(reader()),
    "unread counts": lambda: read_places(reader()),
    "sync": lambda: queries.sync(reader(), cursors={busiest().pk: busiest().head - 20}),
    "fetch of the hub": lambda: live.read_batch(want()),
    "look from the portal": lambda: read_look(Message.objects.filter(conversation=busiest())[30].seq),
    "mark as read": lambda: actions.mark_read(reader(), conversation_id=busiest().pk, n=busiest().head - 5),
}


# The control: what the product must not do, and did once.
FORBIDDEN: dict[str, Callable[[], object]] = {
    "newest by its maximum": lambda: Message.objects.filter(conversation=busiest()).aggregate(Max("ordinal")),
    "by its words": lambda: list(Message.objects.filter(body="nobody said this")),
}


def test_what_a_page_reads_does_not_grow_with_what_was_said_and_what_grows_is_found() -> None:
    populate(FEW)
    read_everything()
    before = {name: cost_of(act) for name, act in (PAGES | FORBIDDEN).items()}
    populate(MANY, more=True)
    read_everything()
    after = {name: cost_of(act) for name, act in (PAGES | FORBIDDEN).items()}
    assert [name for name, cost in before.items() if cost.work == 0] == [], "these were not measured"
    assert {name for name in after if after[name].work > before[name].work * SLACK + 10} == set(FORBIDDEN)
    assert {name: after[name].scans for name in PAGES if after[name].scans} == {}
    if connection.vendor == "sqlite":  # PostgreSQL was told to go another way, however long
        assert after["by its words"].scans
