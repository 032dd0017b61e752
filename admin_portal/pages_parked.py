"""Pages of parked work: what waits for a person, why, and what that person decides."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from admin_portal.doors import cursor_of, portal_page, render_page
from admin_portal.forms import ReasonForm, take
from admin_portal.parked import CAPABILITY, Parked, access_parked, kinds_parked, list_parked
from admin_portal.parked import retry_parked as put_in_line
from admin_portal.parked import set_aside_parked as let_rest
from messenger.people.models import Person
from messenger.web.gates import person_of

PAGE_SIZE = 25
MOST_SKIPPED = 10_000


@portal_page(CAPABILITY)
@require_GET
def parked(request: HttpRequest) -> HttpResponseBase:
    """All that is parked, newest first, or one kind of it."""
    by, kind = person_of(request), request.GET.get("kind", "")
    start = min(cursor_of(request, "start") or 0, MOST_SKIPPED)
    items = list_parked(by, kind=kind, start=start, limit=PAGE_SIZE + 1)
    older = _address(kind, start=start + PAGE_SIZE) if len(items) > PAGE_SIZE else ""
    context: dict[str, Any] = {"items": items[:PAGE_SIZE], "filters": _filters(by, kind=kind), "older_url": older}
    context["newest_url"] = _address(kind, start=0) if start else ""
    return render_page(request, "parked.html", context, here="parked")


@portal_page(CAPABILITY)
@require_GET
def item(request: HttpRequest, kind: str, key: str) -> HttpResponseBase:
    """One piece of parked work."""
    return _show(request, access_parked(person_of(request), kind=kind, key=key), form=ReasonForm())


@portal_page(CAPABILITY)
@require_POST
def retry(request: HttpRequest, kind: str, key: str) -> HttpResponseBase:
    """Put it in line again."""
    put_in_line(person_of(request), kind=kind, key=key)
    messages.success(request, "It is in line again. Your decision is in the record.")
    return redirect("portal_parked")


@portal_page(CAPABILITY)
@require_POST
def set_aside(request: HttpRequest, kind: str, key: str) -> HttpResponseBase:
    """Let it rest, with a reason."""
    by, form = person_of(request), ReasonForm(request.POST)
    row = access_parked(by, kind=kind, key=key)
    if form.is_valid() and take(form, lambda: _let_rest(by, row, reason=form.cleaned_data["reason"])):
        messages.success(request, "It is set aside. Your reason is in the record.")
        return redirect("portal_parked")
    return _show(request, row, form=form)


def _let_rest(by: Person, row: Parked, *, reason: str) -> bool:
    let_rest(by, kind=row.kind, key=row.key, reason=reason)
    return True


def _show(request: HttpRequest, row: Parked, *, form: ReasonForm) -> HttpResponse:
    return render_page(request, "parked_item.html", {"item": row, "form": form}, here="parked")


def _filters(by: Person, *, kind: str) -> list[dict[str, object]]:
    counted = kinds_parked(by)
    chosen = [{"title": box.title, "count": count, "url": _address(box.name, start=0), "is_on": box.name == kind}
              for box, count in counted]  # fmt: skip
    everything = {"title": "All", "count": sum(count for _, count in counted), "url": "?", "is_on": not kind}
    return [everything, *chosen] if chosen else []


def _address(kind: str, *, start: int) -> str:
    asked = {"kind": kind} if kind else {}
    return "?" + urlencode(asked | {"start": start} if start else asked)
