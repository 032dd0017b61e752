"""Cosignatures of witnesses, fenced like the rest of the record, and how the last try at each source went."""

from importlib import import_module

from django.db import migrations, models

fences = import_module("archive.migrations.0002_fences")
TABLE = "archive_witnessed"
IDENTITIES = [["id"], ["witness", "size"]]


def put_up(_apps, schema_editor):
    for statement in fences._statements(schema_editor.connection.vendor, TABLE, IDENTITIES):
        schema_editor.execute(statement, params=None)


def take_down(_apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        statements = [f"DROP TRIGGER {TABLE}_no_{what} ON {TABLE}" for what in ("change", "truncate")]
    else:
        statements = [f"DROP TRIGGER {TABLE}_no_{what}" for what in ("update", "delete", "replace")]
    for statement in statements:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("archive", "0003_search_index")]
    operations = [
        migrations.CreateModel(
            name="EvidenceSource",
            fields=[
                ("name", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=16)),
                ("tried_at", models.DateTimeField()),
                ("problem", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="Witnessed",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("size", models.BigIntegerField()),
                ("witness", models.CharField(max_length=200)),
                ("cosignature", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("witness", "size"), name="archive_witnessed_once")],
            },
        ),
        migrations.RunPython(put_up, take_down),
    ]
