"""Which sealed files there are, and which entries name them."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('archive', '0005_stamps_segments'),
    ]

    operations = [
        migrations.CreateModel(
            name='Blob',
            fields=[
                ('digest', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('size_bytes', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('seq', models.BigIntegerField(db_index=True, null=True)),
                ('doomed_at', models.DateTimeField(db_index=True, null=True)),
            ],
        ),
    ]
