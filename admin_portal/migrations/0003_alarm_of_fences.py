"""An alarm of a kind of its own when fences of the database were moved."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("admin_portal", "0002_nightly_checks_alarms")]

    operations = [
        migrations.RemoveConstraint(model_name="alarm", name="alarm_kind_known"),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("check", "late", "guard", "fences", "evidence"))),
                name="alarm_kind_known",
            ),
        ),
    ]
