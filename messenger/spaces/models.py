"""Who belongs together. A roster is the member list of one direct, group, space or client thread.

A membership says from which number of the stream to which a person may read: that interval, not a flag, decides what
is delivered, so a removal and a message that race each other have one answer.
"""

from django.db import models

from messenger.people.models import Person


class Roster(models.Model):
    """The members of a conversation. `epoch` grows with every change of membership."""

    epoch = models.BigIntegerField(default=0)
    direct_key = models.CharField(max_length=64, unique=True, null=True)  # digest of the people: one direct per set

    class Meta:
        app_label = "messenger"


class Membership(models.Model):
    """One person's stay in a roster. Coming back is a new row."""

    MEMBER, OWNER = "member", "owner"

    roster = models.ForeignKey(Roster, on_delete=models.PROTECT, related_name="memberships")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, default=MEMBER)
    from_n = models.BigIntegerField()  # first number that they may read
    until_n = models.BigIntegerField(null=True)  # last number that they may read, null while they belong
    added_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "messenger"
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("roster", "person"), condition=models.Q(until_n=None), name="membership_once_at_a_time"
            ),
        )
        indexes = (models.Index(fields=("person", "until_n"), name="membership_person"),)


class Space(models.Model):
    """A named place: a team space where all speak, or a broadcast space where owners speak and all listen."""

    TEAM, BROADCAST = "team", "broadcast"

    kind = models.CharField(max_length=10)
    name = models.CharField(max_length=80)
    purpose = models.CharField(max_length=200, blank=True)
    roster = models.OneToOneField(Roster, on_delete=models.PROTECT, related_name="space")
    created_at = models.DateTimeField()

    class Meta:
        app_label = "messenger"
        ordering = ("name", "id")
