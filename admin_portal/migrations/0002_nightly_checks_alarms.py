"""Nightly checks, one check at a time, and alarms."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def begin_again(apps, schema_editor):
    """Put checks that run back in line: from here on only one may run."""
    apps.get_model("admin_portal", "RecordCheck").objects.filter(state="running").update(
        state="waiting", leased_until=None, lease_token=None
    )


class Migration(migrations.Migration):

    dependencies = [
        ('admin_portal', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Alarm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=10)),
                ('first_seen_at', models.DateTimeField()),
                ('raised_at', models.DateTimeField(null=True)),
                ('problems', models.JSONField(default=list)),
                ('cleared_at', models.DateTimeField(null=True)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('mailed_at', models.DateTimeField(null=True)),
                ('mail_due_at', models.DateTimeField(null=True)),
                ('mail_tries', models.PositiveSmallIntegerField(default=0)),
                ('mail_problem', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'ordering': ('id',),
            },
        ),
        migrations.AddField(
            model_name='recordcheck',
            name='duration_ms',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='recordcheck',
            name='entry',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='recordcheck',
            name='error',
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name='recordcheck',
            name='night',
            field=models.DateField(null=True, unique=True),
        ),
        migrations.AddField(
            model_name='recordcheck',
            name='problem_count',
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name='recordcheck',
            name='progress_done',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='recordcheck',
            name='progress_total',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='recordcheck',
            name='root',
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AlterField(
            model_name='recordcheck',
            name='asked_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.RunPython(begin_again, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='recordcheck',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('state',), name='check_one_runs'),
        ),
        migrations.AddConstraint(
            model_name='recordcheck',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('asked_by__isnull', True), ('night__isnull', False)), models.Q(('asked_by__isnull', False), ('night__isnull', True)), _connector='OR'), name='check_nightly_or_asked_for'),
        ),
        migrations.AddField(
            model_name='alarm',
            name='acknowledged_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='alarm',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ('check', 'late', 'guard', 'evidence'))), name='alarm_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='alarm',
            constraint=models.UniqueConstraint(condition=models.Q(('cleared_at__isnull', True), ('acknowledged_at__isnull', True), _connector='OR'), fields=('kind',), name='alarm_open_once'),
        ),
        migrations.AddConstraint(
            model_name='alarm',
            constraint=models.CheckConstraint(condition=models.Q(('acknowledged_at__isnull', True), models.Q(('acknowledged_by__isnull', False), models.Q(('reason', ''), _negated=True)), _connector='OR'), name='alarm_acknowledged_by_somebody'),
        ),
    ]
