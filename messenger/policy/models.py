"""The firm's rules about words, as rows. The history of every rule is in the record; this is only the newest state."""

from django.db import models
from django.db.models import Q


class Rule(models.Model):
    """One phrase that is flagged or refused. `version` counts its changes, so that a verdict names what it used."""

    class Effect(models.TextChoices):
        FLAG = "flag", "Flag for review"
        REFUSE = "refuse", "Refuse"

    name = models.CharField(max_length=80, unique=True)
    pattern = models.CharField(max_length=200)
    effect = models.CharField(max_length=10, choices=Effect)
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        app_label = "messenger"
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=Q(effect__in=["flag", "refuse"]), name="rule_effect_known"),
            models.CheckConstraint(condition=Q(version__gte=1), name="rule_version_from_1"),
            models.CheckConstraint(condition=~Q(pattern="") & ~Q(name=""), name="rule_not_empty"),
        )

    def __str__(self) -> str:
        return self.name
