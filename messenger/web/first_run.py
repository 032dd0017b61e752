"""The first-run page: founds the firm, once, for whoever holds the one-time token that the server prints at its start.

Until the firm is founded the token is worth everything: it lives in a file that only the server's user can read, is
compared in constant time and is removed when it has been used.
"""

import secrets
from pathlib import Path

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from messenger.people import actions
from messenger.people.errors import Invalid, NotFound
from messenger.secret_file import keep_secret
from messenger.web.people_forms import EMAIL, NAME, NEW_PASSWORD, show_error

TOKEN_FILE = "first-run-token"  # noqa: S105  # the name of the file, not what is in it


def _token_path() -> Path:
    return Path(settings.ONRECORD_VAR) / TOKEN_FILE


def first_run_token() -> str:
    """Return the token of the first-run page, making it at the first call. Ask only while there is no firm."""
    return keep_secret(_token_path(), fresh=secrets.token_urlsafe(24))


def _is_right(token: str) -> bool:
    path = _token_path()
    if not path.exists():
        return False
    return secrets.compare_digest(token.encode(), path.read_text(encoding="ascii").strip().encode())


class FoundingForm(forms.Form):
    """The firm and its first two people; the fields are the arguments of `found_firm`."""

    name = forms.CharField(label=gettext_lazy("Name of the firm"), max_length=80)
    admin_name = NAME(label=gettext_lazy("Administrator's name"))
    admin_email = EMAIL(label=gettext_lazy("Administrator's email"))
    admin_password = NEW_PASSWORD(label=gettext_lazy("Administrator's password"))
    officer_name = NAME(label=gettext_lazy("Compliance officer's name"))
    officer_email = EMAIL(label=gettext_lazy("Compliance officer's email"))
    officer_password = NEW_PASSWORD(label=gettext_lazy("Compliance officer's password"))


@never_cache
@require_safe
def welcome(request: HttpRequest) -> HttpResponse:
    """Say where the address of the first-run page is to be found."""
    if actions.is_founded():
        return redirect("/")
    return render(request, "messenger/first_run/welcome.html")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("admin_password", "officer_password")
def found(request: HttpRequest, token: str) -> HttpResponse:
    """Show the form and found the firm. A wrong token and a founded firm look like any page that is not there."""
    if actions.is_founded() or not _is_right(token):
        raise NotFound
    form = FoundingForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _found(form):
        messages.success(request, _("The firm is founded. Sign in as the administrator to invite people."))
        return redirect("account_login")
    return render(request, "messenger/first_run/found.html", {"form": form})


def _found(form: FoundingForm) -> bool:
    values = form.cleaned_data
    try:
        actions.found_firm(values["name"], **{key: values[key] for key in values if key != "name"})
    except Invalid as error:
        show_error(form, error)
        return False
    _token_path().unlink(missing_ok=True)
    return True
