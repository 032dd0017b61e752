"""Rows of what is said: a projection of the conversations' streams in the record.

Never written but through `conversations.stream` (or `bulk`, for a whole history), in the transaction that records the
entry.
"""

from django.db import models

from messenger.people.models import Contact, Person
from messenger.spaces.models import Roster, Space


class Conversation(models.Model):
    """One stream of numbered events. `head` is the last number, `ordinal` counts the messages."""

    DIRECT, GROUP, TEAM, BROADCAST, CLIENT = "direct", "group", "team", "broadcast", "client"

    kind = models.CharField(max_length=10)
    title = models.CharField(max_length=80, blank=True)
    roster = models.OneToOneField(Roster, on_delete=models.PROTECT, related_name="conversation")
    space = models.ForeignKey(Space, on_delete=models.PROTECT, null=True, related_name="conversations")
    contact = models.OneToOneField(Contact, on_delete=models.PROTECT, null=True, related_name="conversation")
    head = models.BigIntegerField(default=0)
    ordinal = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        app_label = "messenger"
        ordering = ("-last_at", "-id")

    @property
    def stream(self) -> str:
        """The name of its stream in the record."""
        return f"conversation:{self.pk}"


class Message(models.Model):
    """What one person, one contact or (neither) the firm itself said. Its number in the stream is its name."""

    SHOWN, REMOVED = "shown", "removed"

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="messages")
    n = models.BigIntegerField()
    ordinal = models.BigIntegerField()
    seq = models.BigIntegerField(unique=True)  # its entry in the record
    author = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, null=True, related_name="+")
    body = models.TextField()
    html = models.TextField()
    attachments = models.JSONField(default=list)  # what clients are told of the files; what opens them is in the record
    channel = models.CharField(max_length=4, default="chat")
    client_key = models.UUIDField(unique=True)
    state = models.CharField(max_length=10, default=SHOWN)
    removal_reason = models.CharField(max_length=300, blank=True)
    is_disposed = models.BooleanField(default=False)  # its content was destroyed: there are no words any more
    at = models.DateTimeField()

    class Meta:
        app_label = "messenger"
        ordering = ("conversation_id", "n")
        constraints = (
            models.UniqueConstraint(fields=("conversation", "n"), name="message_number"),
            models.CheckConstraint(
                condition=models.Q(author__isnull=True) | models.Q(contact__isnull=True), name="message_has_one_author"
            ),
        )


class Upload(models.Model):
    """A file that somebody has sent up and not posted yet. Its key is wrapped under a key of its day."""

    id = models.UUIDField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=120)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    blob = models.CharField(max_length=64, unique=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    bucket = models.CharField(max_length=32)
    wrapped = models.BinaryField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "messenger"


class StreamEvent(models.Model):
    """One numbered event of a conversation as clients are told it; the content of a message is in its row."""

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="events")
    n = models.BigIntegerField()
    seq = models.BigIntegerField(unique=True)
    kind = models.CharField(max_length=40)
    data = models.JSONField(default=dict)  # ids and states only
    at = models.DateTimeField()

    class Meta:
        app_label = "messenger"
        ordering = ("conversation_id", "n")
        constraints = (models.UniqueConstraint(fields=("conversation", "n"), name="stream_event_number"),)


class ReadMarker(models.Model):
    """How far somebody has read. Unread = messages after `ordinal`, never counted up."""

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="markers")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="markers")
    n = models.BigIntegerField(default=0)
    ordinal = models.BigIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        app_label = "messenger"
        constraints = (models.UniqueConstraint(fields=("conversation", "person"), name="marker_one_each"),)


class RefusedPost(models.Model):
    """Words that policy refused: kept in the record, shown to nobody; the same client key gets the same answer."""

    client_key = models.UUIDField(unique=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="+")
    seq = models.BigIntegerField(unique=True)
    reasons = models.JSONField(default=list)
    at = models.DateTimeField()

    class Meta:
        app_label = "messenger"


class Mention(models.Model):
    """Somebody is named in a message (@First): counts in their sidebar until they have read it."""

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="mentions")
    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    ordinal = models.BigIntegerField()

    class Meta:
        app_label = "messenger"
        constraints = (models.UniqueConstraint(fields=("message", "person"), name="mention_once"),)
        indexes = (models.Index(fields=("person", "conversation", "ordinal"), name="mention_unread"),)


class MessageReport(models.Model):
    """Somebody asks for a moderator's eye on a message; the members of the conversation do not learn of it."""

    OPEN, REMOVED, KEPT = "open", "removed", "kept"

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="reports")
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="reports")
    reporter = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=20)
    comment = models.CharField(max_length=1000, blank=True)
    at = models.DateTimeField()
    state = models.CharField(max_length=10, default=OPEN)
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=1000, blank=True)

    class Meta:
        app_label = "messenger"
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(fields=("message", "reporter"), name="report_once_each"),)
