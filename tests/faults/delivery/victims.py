"""People whose access ends: what each of them holds open, and the causes for which it ends.

Used by the pairs (test_revocation.py) and by the race (test_revocation_race.py). Must not judge anything.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from tests.faults.delivery.browser import cookies_of, sign_in, submit
from tests.faults.delivery.clients import Reader, Seat
from tests.faults.delivery.office_program import PASSWORD
from tests.faults.delivery.rig import Rig

NOT_YET = ("second factor reset", "wall", "space closed")  # causes that the product does not have yet
NEW_PASSWORD = "another-harbour-lantern-43"


@dataclass
class Victim:
    """Somebody with a session on a first device, another on a second, and a token, and what each opens."""

    name: str
    seat: Seat
    conversation: int
    file: int  # the number of a message with a file
    export: int
    first: httpx.Client
    second: httpx.Client
    export_token: str
    session_socket: Reader
    token_socket: Reader

    @property
    def messages(self) -> str:
        return f"/api/v1/conversations/{self.conversation}/messages"

    def statuses(self) -> dict[str, int]:
        """Try every way but the sockets; return the answers."""
        words = {"client_key": str(uuid.uuid4()), "body": "am I still here?"}
        search = {"purpose": "to see whether it is open", "words": "here"}
        link, file = f"/api/v1/exports/{self.export}/download", f"{self.messages}/{self.file}/attachments/0"
        by_token = httpx.Client(base_url=self.session_socket.url, headers=self.seat.headers)
        return {
            "read": self.first.get(self.messages).status_code,
            "post": self.first.post(self.messages, json=words).status_code,
            "search": self.first.post("/api/v1/record/search", json=search).status_code,
            "file link": self.first.get(file).status_code,
            "export link": self.first.get(link, params={"token": self.export_token}).status_code,
            "token": by_token.get(self.messages).status_code,
            "token's file link": by_token.get(file).status_code,
        }


@dataclass
class Scene:
    """Who revokes."""

    adam: httpx.Client
    speaker: Seat
    url: str

    def remove(self, victim: Victim) -> None:
        address = f"{self.url}/api/v1/conversations/{victim.conversation}/members/{victim.seat.person}"
        assert httpx.delete(address, headers=self.speaker.headers).status_code == 204

    def head_of(self, conversation: int) -> int:
        address = f"{self.url}/api/v1/conversations/{conversation}"
        return int(httpx.get(address, headers=self.speaker.headers).json()["head"])

    def say(self, conversation: int) -> None:
        address = f"{self.url}/api/v1/conversations/{conversation}/messages"
        words = {"client_key": str(uuid.uuid4()), "body": "said after the revocation"}
        assert httpx.post(address, headers=self.speaker.headers, json=words).status_code == 201


@dataclass(frozen=True)
class Cause:
    """What ends an access: the act, the entry that says so, what stays open, and which sockets must not hear again."""

    name: str
    act: Callable[[Scene, Victim], object]
    kind: str
    stays: frozenset[str]
    ended: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()  # and may come back, with what is left

    def goes_on(self) -> frozenset[str]:
        """Return the ways that are open afterwards: also those that come back with what is left."""
        return self.stays if self.kind == REMOVED else self.stays | set(self.closed)

    def stream(self, victim: Victim) -> str:
        """Return where the record says that the access ended."""
        return f"conversation:{victim.conversation}" if self.kind == REMOVED else f"person:{victim.seat.person}"


def end_first_session(_scene: Scene, victim: Victim) -> None:
    rows = victim.second.get("/settings/").text.split("/settings/sessions/")[1:]
    numbers = {row.split("/end/")[0] for row in rows if row.split("/end/")[0].isdigit()}
    for number in numbers:
        victim.second.post(f"/settings/sessions/{number}/end/")


def change_password(_scene: Scene, victim: Victim) -> None:
    fields = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    submit(victim.second, "/accounts/password/change/", **fields)


def revoke_tokens(_scene: Scene, victim: Victim) -> None:
    tokens = victim.second.get("/api/v1/tokens").json()["results"]
    for token in tokens:
        assert victim.second.delete(f"/api/v1/tokens/{token['id']}").status_code == 204


REMOVED = "membership.removed"
CHANNELS = ("socket", "read", "post", "search", "file link", "export link", "token", "token's file link",
            "token's socket")  # fmt: skip
BY_TOKEN = frozenset({"token", "token's file link", "token's socket"})
BY_SESSION = frozenset({"read", "post", "search", "file link", "export link"})
SESSION = ("socket",)
CAUSES = (
    Cause("removed", lambda s, v: s.remove(v), REMOVED, frozenset({"search", "export link"}),
          closed=("socket", "token's socket")),
    Cause("deactivated", lambda s, v: submit(s.adam, f"/people/{v.seat.person}/deactivate/", reason="left the firm"),
          "person.deactivated", frozenset(), ended=("socket", "token's socket")),
    Cause("signed out", lambda s, v: submit(v.first, "/accounts/logout/"), "session.ended", BY_TOKEN, ended=SESSION),
    Cause("session ended from elsewhere", end_first_session, "session.ended", BY_TOKEN, ended=SESSION),
    Cause("signed out everywhere", lambda s, v: submit(v.second, "/settings/sessions/end-others/"), "session.ended",
          BY_TOKEN, ended=SESSION),
    Cause("password changed", change_password, "session.ended", BY_TOKEN, ended=SESSION),
    Cause("role ended", lambda s, v: submit(s.adam, f"/people/{v.seat.person}/roles/officer/end/", reason="moved on"),
          "role.revoked", frozenset({"read", "post", "file link", "token", "token's file link"}),
          closed=("socket", "token's socket")),
    Cause("token revoked", revoke_tokens, "token.revoked", BY_SESSION, ended=("token's socket",), closed=("socket",)),
)  # fmt: skip


async def arrive(rig: Rig, row: dict[str, object]) -> Victim:
    """Sign a victim in on two devices and open both sockets."""
    seat = Seat(**row["seat"])  # type: ignore[arg-type]  # as the program printed it
    first = await asyncio.to_thread(sign_in, rig.url, seat.name)
    second = await asyncio.to_thread(sign_in, rig.url, seat.name)
    conversation, file, export = (int(str(row[name])) for name in ("conversation", "file", "export"))
    token = first.get(f"/api/v1/exports/{export}").json()["download_token"]
    assert token, "the export is not finished"
    sockets = []
    for label, headers in (("session", cookies_of(first)), ("token", seat.headers)):
        reader = Reader(f"{seat.name} by {label}", seat, rig.url, rig.log, {conversation: file}, headers=headers)
        rig.readers.append(reader)
        sockets.append(reader)
    await rig.start()
    return Victim(seat.name, seat, conversation, file, export, first, second, token, sockets[0], sockets[1])
