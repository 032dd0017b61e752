"""Pages of the desk that show no content: what waits, the purpose, how the record stands."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from admin_portal import alarms, checks, status
from admin_portal.access import access_check
from admin_portal.doors import portal_page, purpose_of, render_page, safe_next
from admin_portal.forms import AlarmForm, PurposeForm, take
from admin_portal.labels import label_conversations
from admin_portal.models import Alarm, Purpose
from admin_portal.purposes import state_purpose
from admin_portal.waiting import waiting_for
from messenger.conversations.moderation import REASONS
from messenger.people.errors import NotFound
from messenger.people.models import Person
from messenger.people.roles import ROLE_NAMES
from messenger.web.gates import person_of, sign_in_session_of


@portal_page("portal")
@require_GET
def dashboard(request: HttpRequest) -> HttpResponseBase:
    """What waits for me."""
    waiting = waiting_for(person_of(request))
    labels = label_conversations(report.conversation_id for report in waiting.reports)
    reports = [
        {"row": row, "reason": REASONS.get(row.reason, row.reason), "where": labels.get(row.conversation_id, "")}
        for row in waiting.reports
    ]
    roles = [{"row": row, "role": ROLE_NAMES.get(row.role, row.role)} for row in waiting.roles]
    context = {"waiting": waiting, "reports": reports, "roles": roles}
    return render_page(request, "dashboard.html", context, here="portal")


@portal_page("record.search")
@require_http_methods(["GET", "POST"])
def purpose(request: HttpRequest) -> HttpResponseBase:
    """State why one looks, before the first look and whenever it changes."""
    next_url = safe_next(request, request.POST.get("next") or request.GET.get("next", ""), otherwise="")
    form = PurposeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        stated = take(form, lambda: _state(request, form))
        if stated is not None:
            return redirect(next_url or "portal_search")
    context = {"form": form, "next": next_url, "current": purpose_of(request)}
    return render_page(request, "purpose.html", context, here="search")


def _state(request: HttpRequest, form: PurposeForm) -> Purpose:
    session = sign_in_session_of(request)
    if session is None:
        raise NotFound
    values = form.cleaned_data
    return state_purpose(
        person_of(request), session=session, text=values["text"], case_reference=values["case_reference"]
    )


@portal_page("record.status")
@require_GET
def record(request: HttpRequest) -> HttpResponse:
    """How the record stands."""
    return _record_page(request, AlarmForm(), alarm_id=None)


def _record_page(request: HttpRequest, form: AlarmForm, *, alarm_id: int | None) -> HttpResponse:
    """Render the page; `form` is what was typed about that alarm."""
    by = person_of(request)
    context = {
        "status": status.record_status(by),
        "form": form,
        "typed_about": alarm_id,
        "may_acknowledge": by.can("alarms.acknowledge"),
    }
    return render_page(request, "record.html", context, here="record")


@portal_page("alarms.acknowledge")
@require_POST
def acknowledge_alarm(request: HttpRequest, alarm_id: int) -> HttpResponseBase:
    """Say that an alarm was seen and what is done about it."""
    by, form = person_of(request), AlarmForm(request.POST)
    alarms.access_alarm(by, alarm_id)
    acknowledged = take(form, lambda: _acknowledge(by, alarm_id, form)) if form.is_valid() else None
    if acknowledged is not None:
        messages.success(request, "Your acknowledgement is in the record. The alarm goes once it is over as well.")
        return redirect("portal_record")
    return _record_page(request, form, alarm_id=alarm_id)


def _acknowledge(by: Person, alarm_id: int, form: AlarmForm) -> Alarm:
    values = form.cleaned_data
    return alarms.acknowledge(by, alarm_id=alarm_id, reason=values["reason"], seen=values["seen"])


@portal_page("record.status")
@require_POST
def check_record(request: HttpRequest) -> HttpResponseBase:
    """Ask for a full check."""
    checks.request_check(person_of(request))
    messages.info(request, "The check was started. You can leave this page; the result stays here.")
    return redirect("portal_record")


@portal_page("record.status")
@require_GET
def check_state(request: HttpRequest, check_id: int) -> HttpResponseBase:
    """Tell the page's script whether the check is over."""
    check = access_check(person_of(request), check_id)
    return JsonResponse({"state": check.state, "is_settled": check.is_settled, "percent": check.percent})
