"""Copies for reading: ten times the messages, and every page as it would be; what they are not is in the record."""

import json
import os
import subprocess
import sys

import pytest

from tests.stack import ROOT, migrated_stack

pytestmark = pytest.mark.backend("postgres")
MESSAGES, TIMES = 300, 10
PROGRAM = """
import json, django
django.setup()
from io import StringIO
from django.core.management import call_command
from archive import ledger
from archive.search import Query, find
from bench.copies import multiply
from messenger.conversations import paging
from messenger.conversations.access import access_conversation
from messenger.conversations.models import Conversation, Message
from messenger.conversations.places import read_places
from messenger.people.models import Person

def look():
    person = Person.objects.exclude(name__endswith="Populated").order_by("pk")[0]
    room = Conversation.objects.order_by("-ordinal")[0]
    page = paging.newest_page(access_conversation(person, room.pk), limit=20)
    return {
        "messages": Message.objects.count(),
        "said": [message["body"] for message in page.messages],
        "is_last": page.messages[-1]["n"] == room.head,
        "unread": [place.unread for place in sorted(read_places(person), key=lambda place: place.conversation_id)],
        "found": find(Query(words="client")).hits[0].n > 0,
        "is_sound": ledger.check().is_sound,
    }

call_command("populate", messages=%d, people=10, conversations=4, stdout=StringIO())
before = look()
multiply(%d)
print(json.dumps([before, look()]))
"""


def test_pages_of_copies_are_those_of_the_history_and_the_record_knows_of_none() -> None:
    stack = migrated_stack()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % (MESSAGES, TIMES)],
        env=os.environ | stack.environment | {"DJANGO_SETTINGS_MODULE": "messenger.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    before, after = json.loads(done.stdout)
    assert after["messages"] == TIMES * before["messages"] == TIMES * MESSAGES
    assert after["said"] == before["said"] and after["is_last"]
    assert after["unread"] == before["unread"] and max(after["unread"]) > 0
    assert after["found"] and before["is_sound"] and not after["is_sound"]
