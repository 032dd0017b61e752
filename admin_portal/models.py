"""State of human work on the record: purposes stated, exports asked for, checks asked for.

No row here holds the words of a message, and none is evidence: what happened is in the record.
"""

from django.db import models
from django.db.models import F, Q

from archive.outbox import Leased, due_index, parked_index, parked_rests
from messenger.people.models import Person, SignInSession


class Purpose(models.Model):
    """Why somebody looks into the record, stated for one sign-in session; the last one that has not expired holds."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    session = models.ForeignKey(SignInSession, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=300)
    case_reference = models.CharField(max_length=60, blank=True)
    stated_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("session", "expires_at"), name="purpose_session"),)

    def __str__(self) -> str:
        return f"{self.text} ({self.case_reference})" if self.case_reference else self.text


class ExportRequest(Leased):
    """A package asked for by one person and decided by another; downloaded once, by the one who asked.

    The token of its last lease names the folder that its package lies in.
    """

    WAITING, APPROVED, MAKING, READY = "waiting", "approved", "making", "ready"
    DOWNLOADED, REFUSED, FAILED = "downloaded", "refused", "failed"
    STATES = (WAITING, APPROVED, MAKING, READY, DOWNLOADED, REFUSED, FAILED)

    client_key = models.UUIDField(unique=True)
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    purpose = models.CharField(max_length=400)
    scope = models.JSONField()
    state = models.CharField(max_length=10, default=WAITING)
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    refusal_reason = models.CharField(max_length=300, blank=True)
    path = models.CharField(max_length=300, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    size_bytes = models.BigIntegerField(default=0)
    entries = models.BigIntegerField(default=0)
    made_at = models.DateTimeField(null=True)
    downloaded_at = models.DateTimeField(null=True)
    downloaded_in = models.CharField(max_length=64, blank=True)  # digest of the session that took it

    class Meta:
        ordering = ("-id",)
        indexes = (due_index("export"), parked_index("export"))
        constraints = (
            parked_rests("export"),
            models.CheckConstraint(
                condition=Q(state__in=("waiting", "approved", "making", "ready", "downloaded", "refused", "failed")),
                name="export_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting") | Q(decided_by__isnull=False), name="export_decided_before_made"
            ),
            # The rule of two people, in the one place that no code path can go around.
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("asked_by")), name="export_takes_two_people"
            ),
        )

    @property
    def is_settled(self) -> bool:
        """Nothing more happens to it by itself."""
        return self.state in (self.READY, self.DOWNLOADED, self.REFUSED, self.FAILED)


class RecordCheck(Leased):
    """A full check of the record, nightly or asked for by somebody, and what it found. One runs at a time."""

    WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"

    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    night = models.DateField(null=True, unique=True)  # of a nightly check
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10, default=WAITING)
    progress_done = models.BigIntegerField(default=0)
    progress_total = models.BigIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    duration_ms = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    root = models.CharField(max_length=64, blank=True)
    is_sound = models.BooleanField(null=True)
    problems = models.JSONField(default=list)  # the first ones
    problem_count = models.IntegerField(default=0)
    entry = models.BigIntegerField(null=True)  # the entry that says what was found; none where nothing could be written

    class Meta:
        ordering = ("-id",)
        indexes = (due_index("check"),)
        constraints = (
            parked_rests("check"),
            models.CheckConstraint(
                condition=Q(state__in=("waiting", "running", "done", "failed")), name="check_state_known"
            ),
            models.UniqueConstraint(
                fields=("asked_by",), condition=Q(state__in=("waiting", "running")), name="check_one_at_a_time_each"
            ),
            models.UniqueConstraint(fields=("state",), condition=Q(state="running"), name="check_one_runs"),
            models.CheckConstraint(
                condition=Q(asked_by__isnull=True, night__isnull=False) | Q(asked_by__isnull=False, night__isnull=True),
                name="check_nightly_or_asked_for",
            ),
        )

    @property
    def is_settled(self) -> bool:
        return self.state in (self.DONE, self.FAILED)

    @property
    def percent(self) -> int:
        """How far a running check is, as its last renewal of the lease said."""
        return min(99, 100 * self.progress_done // self.progress_total) if self.progress_total else 0


class Alarm(Leased):
    """Something about the record that a person must see. It stays until it is over and somebody has acknowledged it.

    Not evidence: checks and acknowledgements are entries. It can be raised while the record cannot be written to.
    What is leased, tried and parked is its mail.
    """

    CHECK, LATE, GUARD, FENCES, EVIDENCE, DISPOSAL = "check", "late", "guard", "fences", "evidence", "disposal"
    PARKED = "parked"

    kind = models.CharField(max_length=10)
    first_seen_at = models.DateTimeField()
    raised_at = models.DateTimeField(null=True)  # null while it may still pass by itself
    problems = models.JSONField(default=list)
    told = models.JSONField(default=list)  # what it has ever said: anything else is news
    cleared_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    acknowledged_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            parked_rests("alarm"),
            models.CheckConstraint(
                condition=Q(kind__in=("check", "late", "guard", "fences", "evidence", "disposal", "parked")),
                name="alarm_kind_known",
            ),
            models.UniqueConstraint(
                fields=("kind",),
                condition=Q(cleared_at__isnull=True) | Q(acknowledged_at__isnull=True),
                name="alarm_open_once",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True) | (Q(acknowledged_by__isnull=False) & ~Q(reason="")),
                name="alarm_acknowledged_by_somebody",
            ),
        )
