"""The tables of all rooms of the messenger."""

import uuid

import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Roster',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('epoch', models.BigIntegerField(default=0)),
                ('direct_key', models.CharField(max_length=64, null=True, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name='Person',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('email', models.EmailField(max_length=254)),
                ('name', models.CharField(max_length=80)),
                ('is_active', models.BooleanField(default=True)),
                ('is_examiner', models.BooleanField(default=False)),
                ('joined_at', models.DateTimeField()),
            ],
            options={
                'ordering': ('name', 'id'),
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('email'), name='person_email_unique')],
            },
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(null=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='api_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='Contact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('number', models.CharField(max_length=32, unique=True)),
                ('typed', models.CharField(max_length=40)),
                ('time_zone', models.CharField(blank=True, max_length=64)),
                ('added_at', models.DateTimeField()),
                ('added_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('name', 'id'),
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('conversation_id', models.BigIntegerField()),
                ('n', models.BigIntegerField()),
                ('sender', models.CharField(max_length=16)),
                ('text', models.TextField()),
                ('message_class', models.CharField(default='conversational', max_length=16)),
                ('encoding', models.CharField(max_length=5)),
                ('segment_count', models.PositiveSmallIntegerField()),
                ('state', models.CharField(default='queued', max_length=12)),
                ('detail', models.CharField(blank=True, max_length=200)),
                ('carrier', models.CharField(blank=True, max_length=20)),
                ('carrier_id', models.CharField(blank=True, max_length=80)),
                ('reasons', models.JSONField(default=list)),
                ('decision', models.JSONField(default=dict)),
                ('release', models.JSONField(null=True)),
                ('due_at', models.DateTimeField()),
                ('leased_until', models.DateTimeField(null=True)),
                ('lease_token', models.UUIDField(null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attempts', to='messenger.contact')),
            ],
            options={
                'ordering': ('created_at', 'id'),
            },
        ),
        migrations.CreateModel(
            name='Conversation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=10)),
                ('title', models.CharField(blank=True, max_length=80)),
                ('head', models.BigIntegerField(default=0)),
                ('ordinal', models.BigIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('contact', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='conversation', to='messenger.contact')),
                ('roster', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='conversation', to='messenger.roster')),
            ],
            options={
                'ordering': ('-last_at', '-id'),
            },
        ),
        migrations.CreateModel(
            name='Firm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('founded_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='firm_is_one')],
            },
        ),
        migrations.CreateModel(
            name='Grant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(max_length=20)),
                ('granted_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='grants', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='InboundText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('carrier', models.CharField(max_length=20)),
                ('carrier_id', models.CharField(max_length=80)),
                ('number', models.CharField(max_length=32)),
                ('to', models.CharField(max_length=32)),
                ('body', models.TextField()),
                ('received_at', models.DateTimeField()),
                ('processed_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ('received_at', 'id'),
                'indexes': [models.Index(fields=['number', 'received_at'], name='inbound_number')],
                'constraints': [models.UniqueConstraint(fields=('carrier', 'carrier_id'), name='inbound_once'), models.CheckConstraint(condition=models.Q(('processed_at__isnull', True), ('processed_at__gte', models.F('received_at')), _connector='OR'), name='inbound_processed_after_receipt')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254)),
                ('name', models.CharField(max_length=80)),
                ('is_examiner', models.BooleanField(default=False)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('invited_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(null=True)),
                ('invited_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('person', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='invitation', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('n', models.BigIntegerField()),
                ('ordinal', models.BigIntegerField()),
                ('seq', models.BigIntegerField(unique=True)),
                ('body', models.TextField()),
                ('html', models.TextField()),
                ('channel', models.CharField(default='chat', max_length=4)),
                ('client_key', models.UUIDField(unique=True)),
                ('state', models.CharField(default='shown', max_length=10)),
                ('removal_reason', models.CharField(blank=True, max_length=300)),
                ('at', models.DateTimeField()),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('contact', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='messenger.contact')),
                ('conversation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='messenger.conversation')),
            ],
            options={
                'ordering': ('conversation_id', 'n'),
            },
        ),
        migrations.CreateModel(
            name='Mention',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ordinal', models.BigIntegerField()),
                ('conversation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='messenger.conversation')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='mentions', to='messenger.message')),
            ],
        ),
        migrations.CreateModel(
            name='MessageReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=20)),
                ('comment', models.CharField(blank=True, max_length=1000)),
                ('at', models.DateTimeField()),
                ('state', models.CharField(default='open', max_length=10)),
                ('decided_at', models.DateTimeField(null=True)),
                ('decision_reason', models.CharField(blank=True, max_length=1000)),
                ('conversation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='messenger.conversation')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='messenger.message')),
                ('reporter', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='ReadMarker',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('n', models.BigIntegerField(default=0)),
                ('ordinal', models.BigIntegerField(default=0)),
                ('at', models.DateTimeField()),
                ('conversation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='markers', to='messenger.conversation')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='markers', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='RefusedPost',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_key', models.UUIDField(unique=True)),
                ('seq', models.BigIntegerField(unique=True)),
                ('reasons', models.JSONField(default=list)),
                ('at', models.DateTimeField()),
                ('conversation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='messenger.conversation')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='RoleRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(max_length=20)),
                ('reason', models.CharField(max_length=300)),
                ('asked_at', models.DateTimeField()),
                ('state', models.CharField(default='waiting', max_length=10)),
                ('decided_at', models.DateTimeField(null=True)),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='role_requests', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(default='member', max_length=10)),
                ('from_n', models.BigIntegerField()),
                ('until_n', models.BigIntegerField(null=True)),
                ('added_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('roster', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='messenger.roster')),
            ],
            options={
                'ordering': ('id',),
            },
        ),
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, unique=True)),
                ('pattern', models.CharField(max_length=200)),
                ('effect', models.CharField(choices=[('flag', 'Flag for review'), ('refuse', 'Refuse')], max_length=10)),
                ('is_active', models.BooleanField(default=True)),
                ('version', models.PositiveIntegerField(default=1)),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
            ],
            options={
                'ordering': ('name',),
                'constraints': [models.CheckConstraint(condition=models.Q(('effect__in', ['flag', 'refuse'])), name='rule_effect_known'), models.CheckConstraint(condition=models.Q(('version__gte', 1)), name='rule_version_from_1'), models.CheckConstraint(condition=models.Q(models.Q(('pattern', ''), _negated=True), models.Q(('name', ''), _negated=True)), name='rule_not_empty')],
            },
        ),
        migrations.CreateModel(
            name='SignInSession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key_digest', models.CharField(max_length=64, unique=True)),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('address', models.CharField(max_length=64)),
                ('agent', models.CharField(max_length=200)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sign_in_sessions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='Revocation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('session', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='messenger.signinsession')),
            ],
        ),
        migrations.CreateModel(
            name='SimulatedText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('carrier_id', models.CharField(max_length=80, unique=True)),
                ('reference', models.CharField(max_length=40)),
                ('number', models.CharField(max_length=16)),
                ('sender', models.CharField(max_length=16)),
                ('body', models.TextField()),
                ('at', models.DateTimeField()),
                ('is_reported', models.BooleanField(default=False)),
            ],
            options={
                'ordering': ('at', 'id'),
                'indexes': [models.Index(fields=['number', 'at'], name='simulated_number')],
            },
        ),
        migrations.CreateModel(
            name='Space',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=10)),
                ('name', models.CharField(max_length=80)),
                ('purpose', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField()),
                ('roster', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='space', to='messenger.roster')),
            ],
            options={
                'ordering': ('name', 'id'),
            },
        ),
        migrations.AddField(
            model_name='conversation',
            name='space',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='conversations', to='messenger.space'),
        ),
        migrations.CreateModel(
            name='StatusReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('carrier', models.CharField(max_length=20)),
                ('carrier_id', models.CharField(max_length=80)),
                ('status', models.CharField(max_length=12)),
                ('code', models.CharField(blank=True, max_length=20)),
                ('raw', models.TextField(blank=True)),
                ('received_at', models.DateTimeField()),
                ('was_applied', models.BooleanField(default=False)),
                ('attempt', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='messenger.attempt')),
            ],
            options={
                'ordering': ('received_at', 'id'),
            },
        ),
        migrations.CreateModel(
            name='StreamEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('n', models.BigIntegerField()),
                ('seq', models.BigIntegerField(unique=True)),
                ('kind', models.CharField(max_length=40)),
                ('data', models.JSONField(default=dict)),
                ('at', models.DateTimeField()),
                ('conversation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='messenger.conversation')),
            ],
            options={
                'ordering': ('conversation_id', 'n'),
            },
        ),
        migrations.CreateModel(
            name='ConsentHead',
            fields=[
                ('contact', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='consent_head', serialize=False, to='messenger.contact')),
                ('state', models.CharField(default='none', max_length=12)),
                ('since', models.DateTimeField(null=True)),
                ('grants', models.JSONField(default=dict)),
                ('episode', models.BigIntegerField(null=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ('none', 'granted', 'suppressed'))), name='consent_head_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'suppressed'), _negated=True), ('episode__isnull', False), _connector='OR'), name='suppression_has_an_episode')],
            },
        ),
        migrations.CreateModel(
            name='ConsentEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.CharField(max_length=12)),
                ('basis', models.CharField(blank=True, max_length=24)),
                ('message_class', models.CharField(blank=True, max_length=16)),
                ('scope', models.CharField(default='organisation', max_length=12)),
                ('channel', models.CharField(blank=True, max_length=16)),
                ('rule', models.CharField(blank=True, max_length=80)),
                ('evidence', models.TextField(blank=True)),
                ('at', models.DateTimeField()),
                ('seq', models.BigIntegerField(unique=True)),
                ('recorded_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='consent_events', to='messenger.contact')),
            ],
            options={
                'ordering': ('seq',),
                'indexes': [models.Index(fields=['contact', 'seq'], name='consent_event_contact')],
                'constraints': [models.CheckConstraint(condition=models.Q(('event__in', ('grant', 'revoke'))), name='consent_event_known'), models.CheckConstraint(condition=models.Q(('basis__in', ['', 'inbound_conversation', 'express', 'express_written', 'ebr_purchase', 'ebr_inquiry', 'soft_opt_in', 'contract'])), name='consent_basis_known'), models.CheckConstraint(condition=models.Q(('message_class__in', ['', 'conversational', 'informational', 'promotional', 'confirmation', 'emergency'])), name='consent_class_known')],
            },
        ),
        migrations.CreateModel(
            name='ConfirmationSent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=40)),
                ('text', models.TextField()),
                ('at', models.DateTimeField()),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='messenger.contact')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('contact', 'key'), name='one_confirmation_an_episode')],
            },
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('state', 'queued')), fields=['due_at', 'id'], name='attempt_due'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('state', 'submitting')), fields=['leased_until'], name='attempt_leased'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['contact', 'created_at'], name='attempt_contact'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.UniqueConstraint(fields=('conversation_id', 'n'), name='one_attempt_a_message'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.UniqueConstraint(condition=models.Q(('carrier_id', ''), _negated=True), fields=('carrier', 'carrier_id'), name='carrier_id_names_one_attempt'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ('queued', 'submitting', 'in_doubt', 'submitted', 'accepted', 'sending', 'sent', 'cancelled', 'delivered', 'expired', 'failed', 'refused', 'rejected', 'undelivered'))), name='attempt_state_known'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=models.Q(('message_class__in', ('conversational', 'informational', 'promotional', 'confirmation', 'emergency'))), name='attempt_class_known'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=models.Q(('encoding__in', ['gsm7', 'ucs2'])), name='attempt_encoding_known'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=models.Q(('segment_count__gte', 1), models.Q(('text', ''), _negated=True)), name='attempt_has_words'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'submitting'), _negated=True), models.Q(('lease_token__isnull', False), ('leased_until__isnull', False)), _connector='OR'), name='submitting_is_leased'),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('person', 'role'), name='grant_once_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('conversation', 'n'), name='message_number'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('author__isnull', True), ('contact__isnull', True), _connector='OR'), name='message_has_one_author'),
        ),
        migrations.AddIndex(
            model_name='mention',
            index=models.Index(fields=['person', 'conversation', 'ordinal'], name='mention_unread'),
        ),
        migrations.AddConstraint(
            model_name='mention',
            constraint=models.UniqueConstraint(fields=('message', 'person'), name='mention_once'),
        ),
        migrations.AddConstraint(
            model_name='messagereport',
            constraint=models.UniqueConstraint(fields=('message', 'reporter'), name='report_once_each'),
        ),
        migrations.AddConstraint(
            model_name='readmarker',
            constraint=models.UniqueConstraint(fields=('conversation', 'person'), name='marker_one_each'),
        ),
        migrations.AddConstraint(
            model_name='rolerequest',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'waiting')), fields=('person', 'role'), name='role_request_once_at_a_time'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(fields=['person', 'until_n'], name='membership_person'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(condition=models.Q(('until_n', None)), fields=('roster', 'person'), name='membership_once_at_a_time'),
        ),
        migrations.AddIndex(
            model_name='signinsession',
            index=models.Index(fields=['person', 'ended_at'], name='session_person'),
        ),
        migrations.AddConstraint(
            model_name='statusreport',
            constraint=models.UniqueConstraint(fields=('carrier', 'carrier_id', 'status', 'code'), name='report_once'),
        ),
        migrations.AddConstraint(
            model_name='statusreport',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ('queued', 'submitting', 'in_doubt', 'submitted', 'accepted', 'sending', 'sent', 'cancelled', 'delivered', 'expired', 'failed', 'refused', 'rejected', 'undelivered'))), name='report_status_known'),
        ),
        migrations.AddConstraint(
            model_name='streamevent',
            constraint=models.UniqueConstraint(fields=('conversation', 'n'), name='stream_event_number'),
        ),
    ]
