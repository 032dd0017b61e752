"""What an alarm has ever said, so that what it finds anew is told again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("admin_portal", "0003_alarm_of_fences")]

    operations = [migrations.AddField(model_name="alarm", name="told", field=models.JSONField(default=list))]
