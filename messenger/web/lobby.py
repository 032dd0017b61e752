"""Sockets that have not said hello: how long they may wait, and how many of one address and of one person.

Generous on purpose: an office behind one address comes back together when a server has been restarted, and a browser
that is opened again says hello for every tab. Must not know what a socket says; and what it has said hello to is no
business of this module (`MOST_SOCKETS`).
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

HELLO_S = 10.0
MOST_OF_ADDRESS = 1_000
MOST_OF_PERSON = 100


@dataclass(slots=True)
class Lobby:
    """How many wait, by address and by person."""

    _waiting: Counter[Hashable] = field(default_factory=Counter)

    def enter(self, key: Hashable, *, most: int) -> bool:
        """Count one more under this key, unless so many wait there already; say whether."""
        if self._waiting[key] >= most:
            return False
        self._waiting[key] += 1
        return True

    def leave(self, key: Hashable) -> None:
        """Count one less."""
        self._waiting[key] -= 1
        if self._waiting[key] <= 0:
            del self._waiting[key]

    def __len__(self) -> int:
        return len(self._waiting)


@dataclass(slots=True)
class Wait:
    """One socket in the lobby: what it is counted under."""

    lobby: Lobby
    _keys: list[Hashable] = field(default_factory=list)

    def take(self, address: str) -> bool:
        """Wait as one of this address; False when too many do."""
        return self._enter(("address", address), most=MOST_OF_ADDRESS)

    def show(self, person_id: int) -> bool:
        """Wait as one of this person, too; False when too many do."""
        return self._enter(("person", person_id), most=MOST_OF_PERSON)

    def give_up(self) -> None:
        """Wait no longer; calling it again changes nothing."""
        keys, self._keys = self._keys, []
        for key in keys:
            self.lobby.leave(key)

    def _enter(self, key: Hashable, *, most: int) -> bool:
        is_in = self.lobby.enter(key, most=most)
        if is_in:
            self._keys.append(key)
        return is_in


def address_of(scope: dict[str, Any]) -> str:
    """Return from where a socket comes, as far as the proxies that we trust say it. (Any: ASGI's own values.)"""
    trusted: int = settings.ONRECORD_TRUSTED_PROXIES
    told = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    hops: list[str] = [hop.strip() for value in told for hop in value.split(",")]
    if trusted and len(hops) >= trusted:
        return hops[-trusted]
    client = scope.get("client")
    return str(client[0]) if client else ""
