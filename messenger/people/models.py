"""Rows about people: employees, the roles they hold, their sessions and tokens, invitations, outside contacts.

The rows say what holds now; what happened is in the record.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from archive.events import Actor
from messenger.people import roles


class PersonManager(BaseUserManager["Person"]):
    """Rows are made by `people.actions`; Django's commands need the natural key only."""

    def get_by_natural_key(self, username: str | None) -> "Person":
        return self.get(email__iexact=username)


class Person(AbstractBaseUser):
    """An employee or an examiner: somebody who signs in. Nobody is ever deleted, only deactivated."""

    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=80)
    is_active = models.BooleanField(default=True)
    is_examiner = models.BooleanField(default=False)
    joined_at = models.DateTimeField()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    objects: ClassVar[PersonManager] = PersonManager()

    class Meta:
        app_label = "messenger"
        ordering = ("name", "id")
        constraints = (models.UniqueConstraint(Lower("email"), name="person_email_unique"),)

    def __str__(self) -> str:
        return self.name

    @cached_property
    def roles(self) -> frozenset[str]:
        """The roles held now; read once per loaded row."""
        return self._with_base(self.grants.filter(ended_at=None).values_list("role", flat=True))

    def keep_roles(self, granted: Iterable[str]) -> None:
        """Take the privileged roles from who has read them together with the row."""
        self.roles = self._with_base(granted)

    def _with_base(self, granted: Iterable[str]) -> frozenset[str]:
        return frozenset([*granted] if self.is_examiner else [*granted, roles.EMPLOYEE])

    @cached_property
    def capabilities(self) -> frozenset[str]:
        return roles.capabilities_of(self.roles) if self.is_active else frozenset()

    def can(self, capability: str) -> bool:
        """Say whether this person may, by role; who may see which object is decided by the `access_*` functions."""
        return capability in self.capabilities

    @property
    def initials(self) -> str:
        return initials_of(self.name)

    @property
    def hue(self) -> int:
        return hue_of(self.pk)

    def as_actor(self, role: str = "") -> Actor:
        """Return the snapshot that entries keep."""
        return Actor(id=f"person:{self.pk}", name=self.name, role=role or ",".join(sorted(self.roles)))


class Grant(models.Model):
    """A privileged role that somebody holds or held."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="grants")
    role = models.CharField(max_length=20)
    granted_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "messenger"
        constraints = (
            models.UniqueConstraint(
                fields=("person", "role"), condition=models.Q(ended_at=None), name="grant_once_at_a_time"
            ),
        )


class RoleRequest(models.Model):
    """A role asked for by one person, waiting for another one who is not the beneficiary."""

    WAITING, GRANTED, REFUSED = "waiting", "granted", "refused"

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="role_requests")
    role = models.CharField(max_length=20)
    reason = models.CharField(max_length=300)
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10, default=WAITING)
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "messenger"
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("person", "role"), condition=models.Q(state="waiting"), name="role_request_once_at_a_time"
            ),
        )


class Invitation(models.Model):
    """A link by which somebody joins once; only the digest of its secret is kept."""

    email = models.EmailField()
    name = models.CharField(max_length=80)
    is_examiner = models.BooleanField(default=False)
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    invited_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    person = models.OneToOneField(Person, on_delete=models.PROTECT, null=True, related_name="invitation")

    class Meta:
        app_label = "messenger"
        ordering = ("-id",)


class SignInSession(models.Model):
    """One sign-in on one device. Ending it ends its pages and its sockets."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="sign_in_sessions")
    key_digest = models.CharField(max_length=64, unique=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    address = models.CharField(max_length=64)
    agent = models.CharField(max_length=200)

    class Meta:
        app_label = "messenger"
        ordering = ("-id",)
        indexes = (models.Index(fields=("person", "ended_at"), name="session_person"),)


class Revocation(models.Model):
    """An access that ended, in the order of commits; open sockets read the rows after the last one they know.

    `session` null means every session and token of the person; one that has not ended goes on under another cookie.
    """

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    session = models.ForeignKey(SignInSession, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        app_label = "messenger"


class ApiToken(models.Model):
    """A personal token for the API; only the digest of the secret is kept."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "messenger"
        ordering = ("-id",)


class Contact(models.Model):
    """An outside person with a phone."""

    name = models.CharField(max_length=80)
    number = models.CharField(max_length=32, unique=True)  # E.164, or what an inbound text came from
    typed = models.CharField(max_length=40)
    time_zone = models.CharField(max_length=64, blank=True)  # IANA name when declared, "" when not
    added_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        app_label = "messenger"
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        return initials_of(self.name)

    @property
    def hue(self) -> int:
        return hue_of(self.pk + 1)

    def as_actor(self) -> Actor:
        return Actor(id=f"contact:{self.pk}", name=self.name, role="contact")


class Firm(models.Model):
    """The one row about the firm; its presence says that the first run is over."""

    name = models.CharField(max_length=80)
    founded_at = models.DateTimeField()

    class Meta:
        app_label = "messenger"
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="firm_is_one"),)


def digest_of(secret: str) -> str:
    """Return the SHA-256 (hex) under which a random secret of at least 128 bits is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """Return a random secret of 256 bits for a link or a token."""
    return secrets.token_urlsafe(32)


def initials_of(name: str) -> str:
    words = name.split() or ["?"]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def hue_of(number: int) -> int:
    """Return a stable hue (0 to 359) for an avatar; neighbours stand far apart (the golden angle)."""
    return number * 137 % 360


def is_expired(invitation: Invitation, *, at: datetime) -> bool:
    return invitation.accepted_at is not None or invitation.expires_at <= at
