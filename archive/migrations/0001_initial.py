"""The tables of the record."""

import django.db.models.deletion
from django.db import migrations, models

import archive.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("size", archive.models.SequenceField(primary_key=True, serialize=False)),
                ("root", models.BinaryField()),
                ("note", models.TextField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Leaf",
            fields=[
                ("seq", archive.models.SequenceField(primary_key=True, serialize=False)),
                ("data", models.BinaryField()),
                ("hash", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="RecordKey",
            fields=[
                ("seq", archive.models.SequenceField(primary_key=True, serialize=False)),
                ("bucket", models.CharField(db_index=True, max_length=32)),
                ("wrapped", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Stream",
            fields=[
                ("id", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=200, unique=True)),
                ("n", models.BigIntegerField()),
                ("last_hash", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Head",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("origin", models.TextField()),
                ("verifier_key", models.TextField()),
                ("size", models.BigIntegerField(default=0)),
                ("frontier", models.BinaryField(default=bytes)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="archive_head_is_one_row")],
            },
        ),
        migrations.CreateModel(
            name="Tile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("level", models.PositiveSmallIntegerField()),
                ("index", models.BigIntegerField()),
                ("hashes", models.BinaryField()),
                ("root", models.BinaryField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("level", "index"), name="archive_tile_place")],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("seq", archive.models.SequenceField(primary_key=True, serialize=False)),
                ("n", models.BigIntegerField()),
                ("kind", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                ("bucket", models.CharField(max_length=32)),
                ("ciphertext", models.BinaryField()),
                (
                    "stream",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="archive.stream"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("stream", "n"), name="archive_entry_place")],
            },
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                ("seq", archive.models.SequenceField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=64)),
                ("at", models.DateTimeField(db_index=True)),
                ("actor_id", models.CharField(max_length=64)),
                ("actor_name", models.TextField()),
                ("text", models.TextField()),
                (
                    "stream",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="archive.stream"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["stream", "seq"], name="archive_document_by_stream"),
                    models.Index(fields=["actor_id", "seq"], name="archive_document_by_actor"),
                ],
            },
        ),
    ]
