"""The Django app of the supervisor's desk."""

from django.apps import AppConfig
from django.utils.module_loading import import_string


class AdminPortalConfig(AppConfig):
    """State of human work on the record: reports, export requests, approvals."""

    name = "admin_portal"
    verbose_name = "OnRecord portal"

    def ready(self) -> None:
        """Make the desk's outboxes known. By name: they need the models, loaded only now."""
        import_string("admin_portal.making.register")()
        import_string("admin_portal.checks.register")()
        import_string("admin_portal.alarm_mail.register")()
