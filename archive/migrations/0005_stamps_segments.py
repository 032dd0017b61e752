"""Time stamps and mailed checkpoints, fenced like the rest of the record, and the work on segments."""

from importlib import import_module

from django.db import migrations, models

fences = import_module("archive.migrations.0002_fences")
FENCED = {"archive_stamped": [["id"], ["size"]], "archive_mailed": [["id"], ["size"]]}


def put_up(_apps, schema_editor):
    for table, identities in FENCED.items():
        for statement in fences._statements(schema_editor.connection.vendor, table, identities):
            schema_editor.execute(statement, params=None)


def take_down(_apps, schema_editor):
    for table in FENCED:
        if schema_editor.connection.vendor == "postgresql":
            statements = [f"DROP TRIGGER {table}_no_{what} ON {table}" for what in ("change", "truncate")]
        else:
            statements = [f"DROP TRIGGER {table}_no_{what}" for what in ("update", "delete", "replace")]
        for statement in statements:
            schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("archive", "0004_evidence")]
    operations = [
        migrations.CreateModel(
            name="Mailed",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("size", models.BigIntegerField(unique=True)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Stamped",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("size", models.BigIntegerField(unique=True)),
                ("note", models.TextField()),
                ("authority", models.TextField()),
                ("reply", models.BinaryField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Segment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first", models.BigIntegerField(unique=True)),
                ("size", models.BigIntegerField()),
                ("root", models.BinaryField()),
                ("due_at", models.DateTimeField()),
                ("tries", models.IntegerField(default=0)),
                ("problem", models.TextField(default="")),
                ("sealed_at", models.DateTimeField(null=True)),
                ("checked_at", models.DateTimeField(null=True)),
                ("store", models.TextField(default="")),
                ("name", models.TextField(default="")),
                ("digest", models.CharField(default="", max_length=64)),
                ("version", models.TextField(default="")),
            ],
        ),
        migrations.RunPython(put_up, take_down),
    ]
