"""The Django app of the record. It must not do anything at start-up: keys and rows are made by the first entry."""

from django.apps import AppConfig
from django.core import checks

from archive.witness.configuration import check_witnesses


class ArchiveConfig(AppConfig):
    name = "archive"
    verbose_name = "Record"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        checks.register(check_witnesses)
