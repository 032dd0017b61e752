"""Segments become an outbox of the common form. What waits keeps its time and why its last try failed; its tries
begin anew, because there was no last one so far."""

from django.db import migrations, models
from django.db.models import F, Q


def take_on(apps, _schema_editor):
    segments = apps.get_model("archive", "Segment").objects
    segments.filter(sealed_at=None).update(failure=F("problem"), problem="", tries=0)
    segments.exclude(sealed_at=None).update(due_at=None)


def give_back(apps, _schema_editor):
    segments = apps.get_model("archive", "Segment").objects
    segments.filter(sealed_at=None).update(problem=F("failure"))
    segments.filter(due_at=None, sealed_at=None).update(due_at=F("parked_at"), parked_at=None)
    segments.filter(due_at=None).update(due_at=F("sealed_at"))


class Migration(migrations.Migration):
    dependencies = [("archive", "0006_blobs")]
    operations = [
        migrations.AddField("segment", "failure", models.TextField(blank=True, default="")),
        migrations.AddField("segment", "lease_token", models.UUIDField(null=True)),
        migrations.AddField("segment", "parked_at", models.DateTimeField(null=True)),
        migrations.AlterField("segment", "due_at", models.DateTimeField(null=True)),
        migrations.AlterField("segment", "tries", models.PositiveSmallIntegerField(default=0)),
        migrations.RunPython(take_on, give_back),
        migrations.AddIndex(
            "segment",
            models.Index(condition=Q(("due_at__isnull", False)), fields=["due_at"], name="archive_segment_waits"),
        ),
        migrations.AddIndex(
            "segment",
            models.Index(condition=Q(("parked_at__isnull", False)), fields=["parked_at"], name="archive_segment_parked"),
        ),
        migrations.AddConstraint(
            "segment",
            models.CheckConstraint(
                condition=Q(("parked_at__isnull", True), ("due_at__isnull", True), _connector="OR"),
                name="archive_segment_parked_rests",
            ),
        ),
    ]
