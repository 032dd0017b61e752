"""Rows of the SMS room: consent, attempts, what carriers told us. Evidence is in the record; these hold the state."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from archive.outbox import Leased, due_index, parked_index, parked_rests
from messenger.sms.states import (
    ATTEMPT_STATES,
    CONSENT_BASES,
    CONSENT_EVENTS,
    CONSENT_STATES,
    MESSAGE_CLASSES,
)


class ConsentEvent(models.Model):
    """One step of a contact's consent; never changed, never deleted. `seq` is its entry in the record."""

    contact = models.ForeignKey("messenger.Contact", on_delete=models.PROTECT, related_name="consent_events")
    event = models.CharField(max_length=12)
    basis = models.CharField(max_length=24, blank=True)
    message_class = models.CharField(max_length=16, blank=True)  # "" = all classes
    scope = models.CharField(max_length=12, default="organisation")
    channel = models.CharField(max_length=16, blank=True)
    rule = models.CharField(max_length=80, blank=True)
    evidence = models.TextField(blank=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    seq = models.BigIntegerField(unique=True)

    class Meta:
        app_label = "messenger"
        ordering = ("seq",)
        indexes = (models.Index(fields=("contact", "seq"), name="consent_event_contact"),)
        constraints = (
            models.CheckConstraint(condition=Q(event__in=CONSENT_EVENTS), name="consent_event_known"),
            models.CheckConstraint(condition=Q(basis__in=["", *CONSENT_BASES]), name="consent_basis_known"),
            models.CheckConstraint(condition=Q(message_class__in=["", *MESSAGE_CLASSES]), name="consent_class_known"),
        )

    def __str__(self) -> str:
        return f"{self.event} #{self.seq}"


class ConsentHead(models.Model):
    """The fold of a contact's consent events, cached. This row is the lock that orders a STOP and a release."""

    contact = models.OneToOneField(
        "messenger.Contact", on_delete=models.PROTECT, primary_key=True, related_name="consent_head"
    )
    state = models.CharField(max_length=12, default="none")
    since = models.DateTimeField(null=True)
    grants = models.JSONField(default=dict)  # message class -> {"basis", "scope", "since", "seq"}
    episode = models.BigIntegerField(null=True)  # seq of the revocation that began the present suppression

    class Meta:
        app_label = "messenger"
        constraints = (
            models.CheckConstraint(condition=Q(state__in=CONSENT_STATES), name="consent_head_state_known"),
            models.CheckConstraint(
                condition=~Q(state="suppressed") | Q(episode__isnull=False), name="suppression_has_an_episode"
            ),
        )

    def __str__(self) -> str:
        return self.state


class ConfirmationSent(models.Model):
    """That an automatic answer was given: one for an opt-out episode, one HELP answer a day. The key enforces it."""

    contact = models.ForeignKey("messenger.Contact", on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=40)  # "opt_out:<seq of the revocation>" or "help:<date>"
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        app_label = "messenger"
        constraints = (models.UniqueConstraint(fields=("contact", "key"), name="one_confirmation_an_episode"),)

    def __str__(self) -> str:
        return self.key


class Attempt(Leased):
    """The way of one text to one carrier. It is committed before the carrier is called, so no send is unknown.

    A text in doubt keeps the token of its last lease: an answer that comes late may still resolve it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation_id = models.BigIntegerField()
    n = models.BigIntegerField()  # the message's number in its conversation
    contact = models.ForeignKey("messenger.Contact", on_delete=models.PROTECT, related_name="attempts")
    sender = models.CharField(max_length=16)
    text = models.TextField()  # as it leaves, with what the obligations added
    message_class = models.CharField(max_length=16, default="conversational")
    encoding = models.CharField(max_length=5)
    segment_count = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=12, default="queued")
    detail = models.CharField(max_length=200, blank=True)
    carrier = models.CharField(max_length=20, blank=True)
    carrier_id = models.CharField(max_length=80, blank=True)
    reasons = models.JSONField(default=list)
    # Inputs, rule versions and verdict, when it was written and when it was let go: replaying them gives the same.
    decision = models.JSONField(default=dict)
    release = models.JSONField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        app_label = "messenger"
        ordering = ("created_at", "id")
        indexes = (
            due_index("attempt"),
            parked_index("attempt"),
            models.Index(fields=("contact", "created_at"), name="attempt_contact"),
        )
        constraints = (
            models.UniqueConstraint(fields=("conversation_id", "n"), name="one_attempt_a_message"),
            models.UniqueConstraint(
                fields=("carrier", "carrier_id"), condition=~Q(carrier_id=""), name="carrier_id_names_one_attempt"
            ),
            models.CheckConstraint(condition=Q(state__in=ATTEMPT_STATES), name="attempt_state_known"),
            models.CheckConstraint(condition=Q(message_class__in=MESSAGE_CLASSES), name="attempt_class_known"),
            models.CheckConstraint(condition=Q(encoding__in=["gsm7", "ucs2"]), name="attempt_encoding_known"),
            models.CheckConstraint(condition=Q(segment_count__gte=1) & ~Q(text=""), name="attempt_has_words"),
            models.CheckConstraint(
                condition=~Q(state="submitting") | Q(lease_token__isnull=False, due_at__isnull=False),
                name="submitting_is_leased",
            ),
            models.CheckConstraint(condition=~Q(state="queued") | Q(due_at__isnull=False), name="queued_is_due"),
            parked_rests("attempt"),
        )

    def __str__(self) -> str:
        return f"{self.id} {self.state}"

    @property
    def is_disposed(self) -> bool:
        """Say whether its words are gone: the decision, which quotes them, went with them."""
        return not self.decision


class InboundText(Leased):
    """A text as the carrier gave it to us, before anybody read it: the same carrier id twice is one row."""

    carrier = models.CharField(max_length=20)
    carrier_id = models.CharField(max_length=80)
    number = models.CharField(max_length=32)
    to = models.CharField(max_length=32)
    body = models.TextField()
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "messenger"
        ordering = ("received_at", "id")
        indexes = (
            models.Index(fields=("number", "received_at"), name="inbound_number"),
            due_index("inbound"),
            parked_index("inbound"),
        )
        constraints = (
            parked_rests("inbound"),
            models.UniqueConstraint(fields=("carrier", "carrier_id"), name="inbound_once"),
            models.CheckConstraint(
                condition=Q(processed_at__isnull=True) | Q(processed_at__gte=F("received_at")),
                name="inbound_processed_after_receipt",
            ),
        )

    def __str__(self) -> str:
        return f"{self.carrier}:{self.carrier_id}"


class StatusReport(models.Model):
    """A status call-back as the carrier gave it, applied or not. `attempt` null: the id is unknown, it is parked."""

    carrier = models.CharField(max_length=20)
    carrier_id = models.CharField(max_length=80)
    status = models.CharField(max_length=12)
    code = models.CharField(max_length=20, blank=True)
    raw = models.TextField(blank=True)
    received_at = models.DateTimeField()
    attempt = models.ForeignKey(Attempt, null=True, on_delete=models.PROTECT, related_name="reports")
    was_applied = models.BooleanField(default=False)

    class Meta:
        app_label = "messenger"
        ordering = ("received_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("carrier", "carrier_id", "status", "code"), name="report_once"),
            models.CheckConstraint(condition=Q(status__in=ATTEMPT_STATES), name="report_status_known"),
        )

    def __str__(self) -> str:
        return f"{self.carrier}:{self.carrier_id} {self.status}"


class SimulatedText(models.Model):
    """What the simulated phone received. Not unique by attempt, so that a double send would be seen."""

    carrier_id = models.CharField(max_length=80, unique=True)
    reference = models.CharField(max_length=40)
    number = models.CharField(max_length=16)
    sender = models.CharField(max_length=16)
    body = models.TextField()
    at = models.DateTimeField()
    is_reported = models.BooleanField(default=False)

    class Meta:
        app_label = "messenger"
        ordering = ("at", "id")
        indexes = (models.Index(fields=("number", "at"), name="simulated_number"),)

    def __str__(self) -> str:
        return self.carrier_id
