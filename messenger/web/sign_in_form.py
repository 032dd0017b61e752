"""The form of the sign-in page: allauth's, with the cursor in its first field. It must not decide who comes in."""

from typing import Any

from allauth.account.forms import LoginForm


class SignInForm(LoginForm):
    """Address and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: allauth's own
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs["autofocus"] = True
