"""An alarm of a kind of its own when a disposal is not finished."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("admin_portal", "0004_alarm_told")]

    operations = [
        migrations.RemoveConstraint(model_name="alarm", name="alarm_kind_known"),
        migrations.AddConstraint(
            model_name="alarm",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("check", "late", "guard", "fences", "evidence", "disposal"))),
                name="alarm_kind_known",
            ),
        ),
    ]
