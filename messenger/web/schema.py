"""What drf-spectacular cannot read from the code: how a caller of the API shows who they are."""

from typing import ClassVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its registration is untyped
    """A personal token."""

    target_class: ClassVar[str] = "messenger.web.gates.TokenAuthentication"  # type: ignore[misc]  # read as a name
    name = "personalToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # as above
    """The session cookie of the pages; calls that change something carry X-CSRFToken too."""

    target_class: ClassVar[str] = "messenger.web.gates.LiveSessionAuthentication"  # type: ignore[misc]  # as above
    name = "sessionCookie"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "session"}
