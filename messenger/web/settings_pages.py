"""A person's own settings: who they are here, their sessions and their personal tokens."""

from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from messenger.people import access, actions, roles
from messenger.people.errors import Denial
from messenger.web.gates import person_of, sign_in_session_of
from messenger.web.people_forms import TokenForm, show_error

# The order matters: each browser also names the ones after it.
BROWSERS: Final = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def browser_of(agent: str) -> str:
    """Return a few words by which a person knows the device again: "Firefox on Linux"."""
    browser = next((name for mark, name in BROWSERS if mark in agent), "") or agent[:40]
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    if not browser:
        return _("Unknown browser")
    return _("%(browser)s on %(system)s") % {"browser": browser, "system": system} if system else browser


@never_cache
@login_required
@require_safe
def settings_page(request: HttpRequest) -> HttpResponse:
    """Show profile, sessions and tokens."""
    return _page(request)


def _page(request: HttpRequest, **more: Any) -> HttpResponse:
    person = person_of(request)
    context = {
        "role_names": [roles.ROLE_NAMES[role] for role in sorted(person.roles)],
        "sessions": [{"session": row, "browser": browser_of(row.agent)} for row in actions.live_sessions(person)],
        "current": sign_in_session_of(request),
        "tokens": access.open_tokens(person),
        "token_form": TokenForm(),
    }
    return render(request, "messenger/people/settings.html", context | more)


@never_cache
@login_required
@require_POST
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """End one of the person's own sessions."""
    session = access.access_session(person_of(request), session_id)
    actions.end_session(session, reason="ended elsewhere")
    messages.success(request, _("That session has ended."))
    return redirect("settings")


@never_cache
@login_required
@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """End every session of the person but this one."""
    session = sign_in_session_of(request)
    actions.end_other_sessions(person_of(request), except_session=session, reason="ended elsewhere")
    messages.success(request, _("All other sessions have ended."))
    return redirect("settings")


@never_cache
@login_required
@require_POST
def create_token(request: HttpRequest) -> HttpResponse:
    """Make a personal token and show its secret, this once."""
    form = TokenForm(request.POST)
    if form.is_valid():
        try:
            token, secret = actions.create_token(person_of(request), **form.cleaned_data)
        except Denial as error:
            show_error(form, error)
        else:
            return _page(request, new_token=token, secret=secret)
    return _page(request, token_form=form)


@never_cache
@login_required
@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke one of the person's own tokens."""
    person = person_of(request)
    actions.revoke_token(person, token=access.access_token(person, token_id))
    messages.success(request, _("The token no longer works."))
    return redirect("settings")
