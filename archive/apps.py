"""The Django app of the record. It must not do anything at start-up: keys and rows are made by the first entry."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db import connections
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.module_loading import import_string

from archive.fences import fence_connection, grant_rights, lift, put_back
from archive.stamps.configuration import check_stamps
from archive.witness.configuration import check_witnesses
from archive.worm.configuration import check_store


class ArchiveConfig(AppConfig):
    name = "archive"
    verbose_name = "Record"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # By name: these need the models, loaded only now.
        register_files = import_string("archive.retention.register_files")
        register_files("attachments", erase=import_string("archive.uploads.dispose_of"))
        import_string("archive.segments.record_keys.register")()
        import_string("archive.segments.outbox.register")()
        checks.register(check_witnesses)
        checks.register(check_stamps)
        checks.register(check_store)
        checks.register(_check_mail)
        connection_created.connect(fence_connection)
        pre_migrate.connect(_lift_fences, sender=self)
        post_migrate.connect(_put_fences_back, sender=self)


def _lift_fences(*, using: str, **_: Any) -> None:  # Any: what the signal sends beside it
    """Let migrations alter the record's tables; where one fails, the process ends with its fences down."""
    lift(connections[using])


def _put_fences_back(*, using: str, **_: Any) -> None:  # Any: as above
    put_back(connections[using])
    grant_rights(connections[using])


def _check_mail(**_: Any) -> list[checks.CheckMessage]:  # Any: as Django calls its checks
    """Stop the start where checkpoints are to be mailed, but mail stays on this machine."""
    if settings.ONRECORD_COPY_MAIL and not settings.EMAIL_URL:
        return [checks.Error("ONRECORD_COPY_MAIL is set: EMAIL_URL is needed too.", id="archive.E003")]
    return []
