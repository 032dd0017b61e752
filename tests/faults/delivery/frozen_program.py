"""Posts once and stops itself (SIGSTOP) while it holds the record's lock; goes on when it is continued. A program:

it is another process of the product under test. Arguments: person, conversation, client key, words, and whether it
stops before or after it has written the rows. It prints what came of the post, as JSON.
"""

import json
import os
import signal
import sys
import uuid
from collections.abc import Sequence
from functools import partial
from unittest import mock

import django

django.setup()

from archive import ledger  # noqa: E402  # Django has to be set up first
from messenger.conversations import actions, postbox  # noqa: E402
from messenger.conversations.posting import Answer, Wish, write_posts  # noqa: E402
from messenger.people.errors import Unavailable  # noqa: E402
from messenger.people.models import Person  # noqa: E402


class Freezer:
    """Writes posts as the product does, and stops the process the first time."""

    def __init__(self, *, when: str) -> None:
        self._when = when

    def write(self, wishes: Sequence[Wish]) -> list[Answer]:
        when, self._when = self._when, ""
        if when == "before":
            os.kill(os.getpid(), signal.SIGSTOP)
        answers = write_posts(wishes)
        if when == "after":
            os.kill(os.getpid(), signal.SIGSTOP)
        return answers


def main() -> None:
    person_id, conversation_id, key, words, when = sys.argv[1:]
    person = Person.objects.get(pk=int(person_id))
    say = partial(actions.post_message, person, conversation_id=int(conversation_id), client_key=uuid.UUID(key))
    with mock.patch.object(postbox, "write_posts", Freezer(when=when).write):
        try:
            posted = say(body=words)
        except (ledger.OutcomeUnknown, Unavailable):  # it asks again, as every client does
            posted = say(body=words)
    assert isinstance(posted, actions.Posted)
    print(json.dumps({"n": posted.message.n, "seq": posted.message.seq}))


if __name__ == "__main__":
    main()
