"""The few ways in which an action or an access can say no; shared by every room above this one.

Raised where they are known; the doors (web/) shape them for people. They never carry the content of a message.
"""


class NotFound(Exception):
    """The thing is absent, or this person may not know that it exists: the two look the same."""

    def __init__(self, message: str = "There is nothing here, or it is not for you.") -> None:
        super().__init__(message)
        self.message = message


class NotAllowed(Exception):
    """The person may see the thing, but may not do this to it."""

    def __init__(self, message: str = "You may not do this.") -> None:
        super().__init__(message)
        self.message = message


class Invalid(Exception):
    """A value cannot be taken; `field` names it and `message` says what is allowed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class Conflict(Exception):
    """The value is well formed, but something that exists already, or has happened already, stands against it."""

    def __init__(self, field: str | None, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class Refused(Exception):
    """Policy says no; `reasons` are shown to the person, each `{"code": …, "message": …}`."""

    def __init__(self, message: str, *, reasons: tuple[dict[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.reasons = reasons


class AlreadyFounded(Exception):
    """The firm exists: the first run is over."""
