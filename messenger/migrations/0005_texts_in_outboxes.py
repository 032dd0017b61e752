"""Texts and the journal of inbound texts become outboxes of the common form; what waits waits on.

A lease is a due time from here on. Texts in doubt are parked: until now only their thread showed them.
"""

from django.db import migrations, models
from django.db.models import F, Q

WAITS, PARKED = Q(("due_at__isnull", False)), Q(("parked_at__isnull", False))
RESTS = Q(("parked_at__isnull", True), ("due_at__isnull", True), _connector="OR")
SUBMITTING = Q(("state", "submitting"), _negated=True)
QUEUED = Q(("state", "queued"), _negated=True)


def take_on(apps, _schema_editor):
    # Each row once: PostgreSQL refuses to alter a table in which a row with a foreign key was updated twice.
    attempts = apps.get_model("messenger", "Attempt").objects
    attempts.filter(state="submitting").update(due_at=F("leased_until"))
    attempts.filter(state="in_doubt").update(due_at=None, parked_at=F("updated_at"), failure=F("detail"))
    attempts.exclude(state__in=("queued", "submitting", "in_doubt")).update(due_at=None)
    apps.get_model("messenger", "InboundText").objects.filter(processed_at=None).update(due_at=F("received_at"))


def give_back(apps, _schema_editor):
    attempts = apps.get_model("messenger", "Attempt").objects
    attempts.filter(state="submitting").update(leased_until=F("due_at"))
    attempts.filter(due_at=None).update(due_at=F("updated_at"))


def constraint(model, name, condition):
    return migrations.AddConstraint(model, models.CheckConstraint(condition=condition, name=name))


def index(model, name, field, condition):
    return migrations.AddIndex(model, models.Index(condition=condition, fields=[field], name=name))


class Migration(migrations.Migration):
    dependencies = [("messenger", "0004_message_is_disposed")]
    operations = [
        migrations.RemoveIndex("attempt", "attempt_due"),
        migrations.RemoveIndex("attempt", "attempt_leased"),
        migrations.RemoveConstraint("attempt", "submitting_is_leased"),
        migrations.AddField("attempt", "failure", models.TextField(blank=True, default="")),
        migrations.AddField("attempt", "parked_at", models.DateTimeField(null=True)),
        migrations.AlterField("attempt", "due_at", models.DateTimeField(null=True)),
        migrations.AddField("inboundtext", "due_at", models.DateTimeField(null=True)),
        migrations.AddField("inboundtext", "lease_token", models.UUIDField(null=True)),
        migrations.AddField("inboundtext", "tries", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("inboundtext", "failure", models.TextField(blank=True, default="")),
        migrations.AddField("inboundtext", "parked_at", models.DateTimeField(null=True)),
        migrations.RunPython(take_on, give_back),
        migrations.RemoveField("attempt", "leased_until"),
        index("attempt", "attempt_waits", "due_at", WAITS),
        index("attempt", "attempt_parked", "parked_at", PARKED),
        index("inboundtext", "inbound_waits", "due_at", WAITS),
        index("inboundtext", "inbound_parked", "parked_at", PARKED),
        constraint(
            "attempt", "submitting_is_leased", SUBMITTING | Q(("due_at__isnull", False), ("lease_token__isnull", False))
        ),
        constraint("attempt", "queued_is_due", QUEUED | Q(("due_at__isnull", False))),
        constraint("attempt", "attempt_parked_rests", RESTS),
        constraint("inboundtext", "inbound_parked_rests", RESTS),
    ]
