"""Who the people are, what they may do, and when they came in and went out.

Events are plain values: no Django, and nothing that could change under them.
"""

from dataclasses import dataclass
from typing import ClassVar

from archive.events.base import Actor, Event


@dataclass(frozen=True, kw_only=True)
class FirmFounded(Event):
    kind: ClassVar[str] = "firm.founded"
    firm: str


@dataclass(frozen=True, kw_only=True)
class PersonInvited(Event):
    kind: ClassVar[str] = "person.invited"
    email: str


@dataclass(frozen=True, kw_only=True)
class PersonJoined(Event):
    kind: ClassVar[str] = "person.joined"
    name: str
    email: str


@dataclass(frozen=True, kw_only=True)
class PersonDeactivated(Event):
    kind: ClassVar[str] = "person.deactivated"
    person: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class PersonReactivated(Event):
    kind: ClassVar[str] = "person.reactivated"
    person: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class RoleRequested(Event):
    kind: ClassVar[str] = "role.requested"
    person: Actor
    role: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RoleGranted(Event):
    kind: ClassVar[str] = "role.granted"
    person: Actor
    role: str
    requested_by: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class RoleRefused(Event):
    kind: ClassVar[str] = "role.refused"
    person: Actor
    role: str
    requested_by: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class RoleRevoked(Event):
    kind: ClassVar[str] = "role.revoked"
    person: Actor
    role: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SignedIn(Event):
    kind: ClassVar[str] = "session.started"
    address: str
    agent: str


@dataclass(frozen=True, kw_only=True)
class SignInRefused(Event):
    kind: ClassVar[str] = "session.refused"
    login: str
    address: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SessionEnded(Event):
    kind: ClassVar[str] = "session.ended"
    reason: str  # signed out, ended elsewhere, deactivated, password changed, role changed


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(Event):
    kind: ClassVar[str] = "password.changed"


@dataclass(frozen=True, kw_only=True)
class TokenCreated(Event):
    kind: ClassVar[str] = "token.created"
    name: str


@dataclass(frozen=True, kw_only=True)
class TokenRevoked(Event):
    kind: ClassVar[str] = "token.revoked"
    name: str
