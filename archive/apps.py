"""The Django app of the record. It must not do anything at start-up: keys and rows are made by the first entry."""

from django.apps import AppConfig


class ArchiveConfig(AppConfig):
    name = "archive"
    verbose_name = "Record"
    default_auto_field = "django.db.models.BigAutoField"
