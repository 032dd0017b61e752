"""Exports, checks and alarm mails become outboxes of the common form; what waits or is being worked on waits on.

A lease is a due time from here on. A mail that was given up is parked, where somebody sees it; an export or a check that
failed was told to its asker and stays as it is.
"""

from django.db import migrations, models
from django.db.models import F, Q
from django.utils import timezone

KINDS = ("check", "late", "guard", "fences", "evidence", "disposal")
MOST_MAIL_TRIES = 8
WAITS, PARKED = Q(("due_at__isnull", False)), Q(("parked_at__isnull", False))
RESTS = Q(("parked_at__isnull", True), ("due_at__isnull", True), _connector="OR")


def take_on(apps, _schema_editor):
    for model, busy in (("ExportRequest", "making"), ("RecordCheck", "running")):
        rows = apps.get_model("admin_portal", model).objects
        rows.filter(state=busy).update(due_at=F("leased_until"))
        rows.exclude(state__in=(busy, "approved", "waiting")).update(due_at=None)
    alarms = apps.get_model("admin_portal", "Alarm").objects
    alarms.exclude(mailed_at=None).update(due_at=None)
    alarms.filter(tries__gte=MOST_MAIL_TRIES, due_at__isnull=False).update(due_at=None, parked_at=timezone.now())


def give_back(apps, _schema_editor):
    for model, busy in (("ExportRequest", "making"), ("RecordCheck", "running")):
        apps.get_model("admin_portal", model).objects.filter(state=busy).update(leased_until=F("due_at"))
    apps.get_model("admin_portal", "Alarm").objects.filter(due_at=None).update(due_at=F("first_seen_at"))


def new_columns(model, *, failure):
    return [
        migrations.RenameField(model, failure, "failure"),
        migrations.AlterField(model, "failure", models.TextField(blank=True, default="")),
        migrations.AddField(model, "parked_at", models.DateTimeField(null=True)),
    ]


def parked_rests(model, *, table):
    return migrations.AddConstraint(model, models.CheckConstraint(condition=RESTS, name=f"{table}_parked_rests"))


class Migration(migrations.Migration):
    dependencies = [("admin_portal", "0005_alarm_of_disposals")]
    operations = [
        migrations.RemoveIndex("exportrequest", "export_due"),
        *new_columns("exportrequest", failure="error"),
        *new_columns("recordcheck", failure="error"),
        *new_columns("alarm", failure="mail_problem"),
        migrations.RenameField("alarm", "mail_due_at", "due_at"),
        migrations.RenameField("alarm", "mail_tries", "tries"),
        migrations.AddField("alarm", "lease_token", models.UUIDField(null=True)),
        migrations.RunPython(take_on, give_back),
        migrations.RemoveField("exportrequest", "leased_until"),
        migrations.RemoveField("recordcheck", "leased_until"),
        migrations.AddIndex("exportrequest", models.Index(condition=WAITS, fields=["due_at"], name="export_waits")),
        migrations.AddIndex("exportrequest", models.Index(condition=PARKED, fields=["parked_at"], name="export_parked")),
        migrations.AddIndex("recordcheck", models.Index(condition=WAITS, fields=["due_at"], name="check_waits")),
        parked_rests("exportrequest", table="export"),
        parked_rests("recordcheck", table="check"),
        parked_rests("alarm", table="alarm"),
        migrations.RemoveConstraint("alarm", "alarm_kind_known"),
        migrations.AddConstraint(
            "alarm",
            models.CheckConstraint(condition=Q(("kind__in", (*KINDS, "parked"))), name="alarm_kind_known"),
        ),
    ]
