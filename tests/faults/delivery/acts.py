"""What people, phones and sweeps do to the product, each as one act that can be killed at any step and asked for again.

Acts go through the doors where there is one: the API, the journal of inbound texts, the sweeps. `do` tells what was
acknowledged, line by line; `faults` says what is wrong once `do` has come to its end, at the second try if need be.
"""

import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.test import Client

from archive import events, ledger
from messenger.conversations import moderation
from messenger.conversations.models import Message, ReadMarker, RefusedPost, Upload
from messenger.people.errors import Conflict
from messenger.people.models import Person
from tests.faults.delivery.carrier import FileCarrier
from tests.faults.delivery.clients import Seat
from tests.faults.steps import Line, Tell

FORBIDDEN = "guaranteed profit"  # by a rule of the firm
FILE = b"Dear all, the numbers are below.\n"
TOGETHER = 6


@dataclass(frozen=True)
class Scene:
    """Who acts and where: groups that devices read along, a quiet one of two without a device, and the carrier."""

    seats: list[Seat]
    groups: list[int]
    quiet: int
    carrier: FileCarrier

    @property
    def alice(self) -> Seat:
        return self.seats[0]

    @property
    def leaver(self) -> Seat:
        return self.seats[3]

    @property
    def quiet_seats(self) -> list[Seat]:
        return self.seats[4:6]

    def say_quietly(self, line: Line) -> int:
        """Say something where no device hears it; return its number."""
        wish = {"client_key": line["key"], "body": line["body"]}
        answer = self.call("POST", f"conversations/{self.quiet}/messages", wish, seat=self.quiet_seats[0])
        assert answer.status_code == 201, answer.content
        return int(answer.json()["n"])

    def call(self, method: str, path: str, wish: object = None, *, seat: Seat | None = None) -> Any:
        """Call the API as somebody; return Django's answer. Any: the test client's answers are not typed."""
        door = Client(HTTP_HOST="localhost", headers=(seat or self.alice).headers)
        body = None if wish is None else json.dumps(wish)
        return door.generic(method, f"/api/v1/{path}", body or "", content_type="application/json")

    def post(self, tell: Tell, line: Line, *, files: tuple[str, ...] = ()) -> None:
        """Say something and tell what came of it, as a client under load does."""
        tell({"event": "sent", **line, "person": self.alice.person})
        wish = {"client_key": line["key"], "body": line["body"], "attachments": files}
        answer = self.call("POST", f"conversations/{line['c']}/messages", wish)
        if answer.status_code in (200, 201):
            tell({"event": "acked", **line, "n": answer.json()["n"], "seq": answer.json()["seq"]})
        else:
            assert answer.status_code == 422, answer.content
            tell({"event": "refused", **line, "why": answer.json()["code"]})

    def upload(self, name: str) -> str:
        named = {"Content-Disposition": f'attachment; filename="{name}"'}
        door = Client(HTTP_HOST="localhost", headers=self.alice.headers | named)
        answer = door.generic("POST", "/api/v1/uploads", FILE, content_type="application/octet-stream")
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])


@dataclass(frozen=True)
class Act(ABC):
    """Something that can be killed; a number makes each time another one."""

    scene: Scene

    @property
    def name(self) -> str:
        return type(self).__name__

    def prepare(self, number: int) -> Line:
        """Make what the act needs; return what names it."""
        return {"number": number}

    @abstractmethod
    def do(self, given: Line, tell: Tell) -> None:
        """Act, and tell line by line what was acknowledged."""

    def go_on(self, given: Line, tell: Tell, *, told: list[Line]) -> None:
        """Do what whoever asked does after a stop: ask again, unless there was an answer."""
        if not any(line["event"] != "sent" for line in told):
            self.do(given, tell)

    @abstractmethod
    def faults(self, given: Line) -> Iterator[str]:
        """Say what is wrong once the act has come to its end."""

    def words(self, number: int, *, c: int, who: str = "") -> Line:
        key = str(uuid.uuid4())
        return {"who": f"{self.name}{who}", "c": c, "key": key, "body": f"{self.name}{who} says {number}"}


def entries_of(stream: str, *, kind: str, **content: object) -> list[ledger.Opened]:
    """Return the entries of a stream that are of a kind and hold these values."""
    found, after = [], 0
    while page := ledger.read_stream(stream, after=after):
        after = page[-1].n
        found += [e for e in page if e.kind == kind and all(e.content.get(k) == v for k, v in content.items())]
    return found


class Send(Act):
    """One post through the API."""

    def prepare(self, number: int) -> Line:
        return self.words(number, c=self.scene.groups[number % len(self.scene.groups)])

    def do(self, given: Line, tell: Tell) -> None:
        self.scene.post(tell, given)

    def faults(self, given: Line) -> Iterator[str]:
        found = list(Message.objects.filter(client_key=given["key"]))
        if [ledger.open_entry(message.seq).content["client_key"] for message in found] != [given["key"]]:
            yield f"{given['body']} is there {len(found)} times"


class SendTogether(Act):
    """Several posts at once: they share sets and commits."""

    def prepare(self, number: int) -> Line:
        groups = self.scene.groups
        return {"posts": [self.words(number, c=groups[i % len(groups)], who=f" {i}") for i in range(TOGETHER)]}

    def do(self, given: Line, tell: Tell) -> None:
        with ThreadPoolExecutor(TOGETHER) as pool:
            list(pool.map(lambda line: self._post(line, tell), given["posts"]))

    def _post(self, line: Line, tell: Tell) -> None:
        self.scene.post(tell, line)
        connections.close_all()

    def go_on(self, given: Line, tell: Tell, *, told: list[Line]) -> None:
        answered = {line["key"] for line in told if line["event"] != "sent"}
        for line in given["posts"]:
            if line["key"] not in answered:
                self.scene.post(tell, line)

    def faults(self, given: Line) -> Iterator[str]:
        keys = [line["key"] for line in given["posts"]]
        if Message.objects.filter(client_key__in=keys).count() != TOGETHER:
            yield f"{keys} are not all there once"


class SendFile(Act):
    """A post with a file that was sent up before."""

    def prepare(self, number: int) -> Line:
        return self.words(number, c=self.scene.groups[0]) | {"file": self.scene.upload(f"numbers {number}.txt")}

    def do(self, given: Line, tell: Tell) -> None:
        line = {name: given[name] for name in ("who", "c", "key", "body")}
        self.scene.post(tell, line, files=(given["file"],))

    def faults(self, given: Line) -> Iterator[str]:
        message = Message.objects.get(client_key=given["key"])
        yield from file_faults(self.scene, message)


class SendUp(Act):
    """A file that is sent up; then it is posted, so that it is read."""

    def prepare(self, number: int) -> Line:
        return self.words(number, c=self.scene.groups[0]) | {"name": f"sent up {number}.txt"}

    def do(self, given: Line, tell: Tell) -> None:
        tell({"event": "sent up", "id": self.scene.upload(given["name"])})

    def faults(self, given: Line) -> Iterator[str]:
        waiting = list(Upload.objects.filter(name=given["name"]).values_list("pk", flat=True))
        for place, upload in enumerate(waiting):
            key = str(uuid.uuid4())
            wish = {"client_key": key, "body": f"{given['body']}, {place}", "attachments": [str(upload)]}
            answer = self.scene.call("POST", f"conversations/{given['c']}/messages", wish)
            if answer.status_code != 201:
                yield f"{given['name']} cannot be posted: {answer.status_code}"
            else:
                yield from file_faults(self.scene, Message.objects.get(client_key=key))
        if not waiting:
            yield f"{given['name']} does not wait"


def file_faults(scene: Scene, message: Message) -> Iterator[str]:
    path = f"conversations/{message.conversation_id}/messages/{message.n}/attachments/0"
    answer = scene.call("GET", path)
    if answer.status_code != 200 or b"".join(answer.streaming_content) != FILE:
        yield f"the file of {message.body} is not what was sent up"
    if len(events.attachments_of(ledger.open_entry(message.seq).content)) != 1:
        yield f"the entry of {message.body} does not name its file once"


class BeRefused(Act):
    """A post that a rule of the firm refuses: the record keeps it, nobody sees it."""

    def prepare(self, number: int) -> Line:
        line = self.words(number, c=self.scene.groups[0])
        return line | {"body": f"{FORBIDDEN}, {line['body']}"}

    def do(self, given: Line, tell: Tell) -> None:
        self.scene.post(tell, given)

    def faults(self, given: Line) -> Iterator[str]:
        stream, key = f"person:{self.scene.alice.person}", given["key"]
        found = entries_of(stream, kind="message.refused", client_key=key)
        rows = RefusedPost.objects.filter(client_key=key).count()
        if (len(found), rows) != (1, 1) or Message.objects.filter(client_key=key).exists():
            yield f"{given['body']}: {len(found)} entries, {rows} rows"


class TakeAway(Act):
    """A message that a moderator takes from the members' sight."""

    def prepare(self, number: int) -> Line:
        line = self.words(number, c=self.scene.quiet)
        self.scene.say_quietly(line)
        return line

    def do(self, given: Line, tell: Tell) -> None:
        message = Message.objects.get(client_key=given["key"])
        officer = Person.objects.get(email="cora@firm.example")
        moderation.remove_message(officer, message=message, reason="advice")
        tell({"event": "removed", "key": given["key"]})

    def go_on(self, given: Line, tell: Tell, *, told: list[Line]) -> None:
        try:
            super().go_on(given, tell, told=told)
        except Conflict:
            tell({"event": "was removed", "key": given["key"]})

    def faults(self, given: Line) -> Iterator[str]:
        message = Message.objects.get(client_key=given["key"])
        found = entries_of(f"conversation:{given['c']}", kind="message.removed", n=message.n)
        if message.state != Message.REMOVED or len(found) != 1:
            yield f"{given['body']} is {message.state}, with {len(found)} entries"


class ReadOn(Act):
    """A read marker that moves forward."""

    def prepare(self, number: int) -> Line:
        line = self.words(number, c=self.scene.quiet)
        return line | {"n": self.scene.say_quietly(line)}

    def do(self, given: Line, tell: Tell) -> None:
        reader = self.scene.quiet_seats[1]
        answer = self.scene.call("POST", f"conversations/{given['c']}/read", {"n": given["n"]}, seat=reader)
        assert answer.status_code == 200, answer.content
        tell({"event": "read", "n": given["n"]})

    def faults(self, given: Line) -> Iterator[str]:
        reader = self.scene.quiet_seats[1].person
        where = f"conversation:{given['c']}"
        found = entries_of(f"person:{reader}", kind="receipt.marked", n=given["n"], conversation=where)
        marker = ReadMarker.objects.get(conversation=given["c"], person=reader)
        if len(found) != 1 or marker.n != given["n"]:
            yield f"the marker is at {marker.n} with {len(found)} entries, and not at {given['n']}"


class Leave(Act):
    """Somebody is removed from a group that they read along, and joins again for the next time."""

    def prepare(self, number: int) -> Line:
        given: Line = {"c": self.scene.groups[-1], "path": f"conversations/{self.scene.groups[-1]}/members"}
        if number:
            answer = self.scene.call("POST", given["path"], {"person": self.scene.leaver.person})
            assert answer.status_code == 201, answer.content
        return given | {"before": len(entries_of(f"conversation:{given['c']}", kind="membership.removed"))}

    def do(self, given: Line, tell: Tell) -> None:
        answer = self.scene.call("DELETE", f"{given['path']}/{self.scene.leaver.person}")
        assert answer.status_code in (204, 404), answer.content
        tell({"event": "removed", "person": self.scene.leaver.person})

    def faults(self, given: Line) -> Iterator[str]:
        count = len(entries_of(f"conversation:{given['c']}", kind="membership.removed"))
        answer = self.scene.call("GET", f"conversations/{given['c']}", seat=self.scene.leaver)
        if count != given["before"] + 1 or answer.status_code != 404:
            yield f"{count - given['before']} removals are recorded, and the group answers {answer.status_code}"


ACTS: tuple[type[Act], ...] = (Send, SendTogether, SendFile, SendUp, BeRefused, TakeAway, ReadOn, Leave)
