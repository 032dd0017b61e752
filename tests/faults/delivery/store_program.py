"""Prints what database and record hold, for the history checker: one JSON object. A program of its own.

It reads in the environment of the product under test, with its keys, and must write nothing.
"""

import json
from collections.abc import Iterator
from typing import Any

from archive import checkpoint, ledger
from archive.models import Stream
from messenger.conversations.models import Message, StreamEvent
from messenger.spaces.models import Membership


def messages() -> list[dict[str, Any]]:
    rows = Message.objects.order_by("seq").values("conversation_id", "n", "seq", "client_key", "body", "author_id")
    return [
        {
            "c": row["conversation_id"],
            "n": row["n"],
            "seq": row["seq"],
            "key": str(row["client_key"]),
            "body": row["body"],
            "person": row["author_id"],
        }
        for row in rows
    ]


def events() -> list[dict[str, Any]]:
    rows = StreamEvent.objects.order_by("seq").values_list("conversation_id", "n", "seq", "kind")
    return [{"c": c, "n": n, "seq": seq, "kind": kind} for c, n, seq, kind in rows]


def stays() -> list[dict[str, Any]]:
    rows = Membership.objects.order_by("pk").values_list("roster__conversation", "person_id", "from_n", "until_n")
    return [{"c": c, "person": person, "from_n": first, "until_n": last} for c, person, first, last in rows]


def entries() -> Iterator[dict[str, Any]]:
    for name in Stream.objects.order_by("name").values_list("name", flat=True):
        after = 0
        while page := ledger.read_stream(name, after=after):
            after = page[-1].n
            for entry in page:
                said = {"key": entry.content.get("client_key", ""), "body": entry.content.get("body", "")}
                yield {"seq": entry.seq, "stream": name, "n": entry.n, "kind": entry.kind, **said}


def signed_size() -> int:
    """Return how many entries the newest checkpoint signs; raises where its signature is not the record's."""
    return checkpoint.verify(ledger.latest_checkpoint().note, verifier_key=ledger.verifier_key()).size


def main() -> None:
    report = ledger.check_without_files()
    found = {
        "messages": messages(),
        "events": events(),
        "stays": stays(),
        "entries": list(entries()),
        "signed_size": signed_size(),
        "problems": [str(problem) for problem in report.problems],
    }
    print(json.dumps(found))
