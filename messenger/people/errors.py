"""The few ways in which an action or an access can say no; shared by every room above this one.

Raised where they are known; the doors (web/) shape them for people. They never carry the content of a message.
"""


class Denial(Exception):
    """Base of all: `code` is the protocol's word, `field` names the value at fault or is None."""

    code = "invalid"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class NotFound(Denial):
    """The thing is absent, or this person may not know that it exists: the two look the same."""

    code = "not_found"

    def __init__(self, message: str = "There is nothing here, or it is not for you.") -> None:
        super().__init__(message)


class SignedOut(NotFound):
    """What the person came in by, a session or a token, has ended since: nothing is theirs here any more.

    A page or a call then answers as it would have, had it come later; to a socket there is simply nothing here.
    """


class NotAllowed(Denial):
    """The person may see the thing, but may not do this to it."""

    code = "forbidden"

    def __init__(self, message: str = "You may not do this.") -> None:
        super().__init__(message)


class Invalid(Denial):
    """A value cannot be taken; `field` names it and `message` says what is allowed."""

    def __init__(self, field: str | None, message: str) -> None:
        super().__init__(message, field=field)


class Conflict(Denial):
    """The value is well formed, but something that exists already, or has happened already, stands against it."""

    code = "conflict"

    def __init__(self, field: str | None, message: str) -> None:
        super().__init__(message, field=field)
        self.code = "key_taken" if field == "client_key" else "conflict"


class Refused(Denial):
    """Policy says no; `reasons` are shown to the person, each `{"code": …, "message": …}`."""

    code = "refused"

    def __init__(self, message: str, *, reasons: tuple[dict[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.reasons = reasons


class Unavailable(Denial):
    """Something outside of us did not do its part: the same call may work later."""

    code = "unavailable"

    def __init__(self, field: str | None, message: str) -> None:
        super().__init__(message, field=field)


class AlreadyFounded(Conflict):
    """The firm exists: the first run is over."""

    def __init__(self) -> None:
        super().__init__(None, "The firm has been founded already.")
