"""Celery: periodic sweeps and nudges in production. The database outboxes are the truth; a lost nudge only waits for
the next sweep. The embedded way to run calls the same tasks from a thread (embedded.py)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
app = Celery("onrecord")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["archive", "messenger.conversations", "admin_portal"])
