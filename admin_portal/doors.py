"""The frame of every portal page: who may enter, what the navigation shows, how a no is told.

Somebody without the capability gets the same 404 as for a page that does not exist. No page decides this by itself.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from admin_portal.alarms import open_alarms
from admin_portal.models import Purpose
from admin_portal.parked import count_parked
from admin_portal.purposes import current_purpose
from admin_portal.waiting import waiting_for
from messenger.people.errors import Conflict, NotAllowed, NotFound
from messenger.web.gates import person_of, sign_in_session_of

MOST_DIGITS = 15
View = Callable[..., HttpResponseBase]

# What can be reached: (key, address, label, icon, capability that it takes).
NAVIGATION = (
    ("portal", "/portal/", "Waiting for me", "inbox", "portal"),
    ("review", "/portal/review/", "Review", "flag", "reports.view"),
    ("search", "/portal/search/", "Search", "search", "record.search"),
    ("exports", "/portal/exports/", "Exports", "package", "exports.request"),
    ("record", "/portal/record/", "Record", "badge-check", "record.status"),
    ("parked", "/portal/parked/", "Parked", "pause", "outboxes.manage"),
    ("people", "/people/", "People", "users", "roles.approve"),
    ("contacts", "/contacts/", "SMS", "smartphone", "chat"),
)


def portal_page(capability: str) -> Callable[[View], View]:
    """Let only those with the capability into a page; what is not there for them is a 404. No cache keeps a page."""

    def decorate(view: View) -> View:
        @never_cache
        @login_required
        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # Any: whatever the URL carries
            if not person_of(request).can(capability):
                raise NotFound
            try:
                return view(request, *args, **kwargs)
            except (Conflict, NotAllowed) as error:
                messages.error(request, error.message)
                return redirect(back_to(request))

        return page

    return decorate


def session_key_of(request: HttpRequest) -> str:
    """Return the key of the Django session; a signed-in person always has one."""
    return request.session.session_key or ""


def purpose_of(request: HttpRequest) -> Purpose | None:
    """Return the purpose stated in this session, or None when nothing may be shown yet."""
    return current_purpose(person_of(request), session=sign_in_session_of(request))


def cursor_of(request: HttpRequest, name: str) -> int | None:
    """Return the number in the address at which a list goes on; None, its beginning, for what no row can have."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def render_page(request: HttpRequest, template: str, context: dict[str, Any], *, here: str) -> HttpResponse:
    """Render a portal page; `here` is the key of the navigation's current entry. Any: templates take any value."""
    by = person_of(request)
    badges = {"portal": waiting_for(by).total, "parked": count_parked(by)}
    links = [
        {"url": url, "label": label, "icon": icon, "is_current": key == here, "badge": badges.get(key, 0)}
        for key, url, label, icon, capability in NAVIGATION
        if by.can(capability)
    ]
    frame = {"area": "portal", "navigation": links, "alarms": open_alarms(by)}
    return render(request, f"admin_portal/{template}", frame | context)


def safe_next(request: HttpRequest, candidate: str, *, otherwise: str) -> str:
    """Return the address to go on to, but only one of ours."""
    is_ours = url_has_allowed_host_and_scheme(candidate, allowed_hosts=None) and candidate.startswith("/portal/")
    return candidate if is_ours else otherwise


def back_to(request: HttpRequest) -> str:
    """Return the page to show after a no: the one the form stood on."""
    return safe_next(request, request.POST.get("from", ""), otherwise="portal")
