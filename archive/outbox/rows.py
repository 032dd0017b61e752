"""The columns that every row of an outbox has, and the constraints that keep them in order. No behaviour."""

from django.db import models
from django.db.models import Q


class Leased(models.Model):
    """A row that waits (`due_at`), is leased (a token as well), is parked (`parked_at`), or is done (none of them).

    A lease is a time at which the row is due again: who dies with it need not be noticed.
    """

    due_at = models.DateTimeField(null=True)  # not before; of what is leased, the end of the lease
    lease_token = models.UUIDField(null=True)  # of who claimed it last; what they write has to carry it
    tries = models.PositiveSmallIntegerField(default=0)
    failure = models.TextField(blank=True, default="")  # how the last try ended
    parked_at = models.DateTimeField(null=True)  # tried for the last time: a person decides how it goes on

    class Meta:
        abstract = True


def due_index(table: str) -> models.Index:
    return models.Index(fields=("due_at",), condition=Q(due_at__isnull=False), name=f"{table}_waits")


def parked_index(table: str) -> models.Index:
    return models.Index(fields=("parked_at",), condition=Q(parked_at__isnull=False), name=f"{table}_parked")


def parked_rests(table: str) -> models.CheckConstraint:
    """What is parked is not due: only a person puts it in line again."""
    return models.CheckConstraint(
        condition=Q(parked_at__isnull=True) | Q(due_at__isnull=True), name=f"{table}_parked_rests"
    )
