"""The Django app of the supervisor's desk."""

from django.apps import AppConfig


class AdminPortalConfig(AppConfig):
    """State of human work on the record: reports, export requests, approvals."""

    name = "admin_portal"
    verbose_name = "OnRecord portal"
