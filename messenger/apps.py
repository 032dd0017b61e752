"""The Django app of the chat."""

from django.apps import AppConfig
from django.utils.module_loading import import_string


class MessengerConfig(AppConfig):
    """One app label for all rooms of the messenger."""

    name = "messenger"
    verbose_name = "OnRecord"

    def ready(self) -> None:
        """Connect sign-in, the chat's part in the record's work, and the API schema. By name: they need the models."""
        import_string("messenger.people.doors.register")()
        import_string("messenger.web.accounts.connect_signals")()
        import_string("messenger.conversations.comparing.register")()
        import_string("messenger.conversations.erasing.register")()
        import_string("messenger.conversations.rebuilding.register")()
        import_string("messenger.conversations.texts.register")()
        import_string("messenger.nudging.connect")()
        import_string("messenger.web.schema.TokenScheme")
