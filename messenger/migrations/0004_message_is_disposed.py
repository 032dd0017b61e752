"""Messages whose content was disposed of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messenger", "0003_attachments")]
    operations = [
        migrations.AddField(
            model_name="message",
            name="is_disposed",
            field=models.BooleanField(default=False),
        ),
    ]
