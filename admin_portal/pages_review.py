"""Review pages: the queue of reported messages, and one report with its message in context."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from admin_portal.doors import cursor_of, portal_page, render_page
from admin_portal.forms import ReasonForm, take
from admin_portal.labels import label_conversations
from admin_portal.queue import decided_reports, keep_reported, open_report, open_reports, remove_reported
from messenger.conversations.models import MessageReport
from messenger.conversations.moderation import REASONS
from messenger.people.errors import Invalid
from messenger.web.gates import person_of


@portal_page("reports.view")
@require_GET
def review(request: HttpRequest) -> HttpResponseBase:
    """What waits for a decision, oldest first, and the last decisions."""
    by, after = person_of(request), cursor_of(request, "after")
    page = open_reports(by, after=after)
    context = {
        "waiting": report_rows(page.reports),
        "decided": report_rows(decided_reports(by)),
        "hidden": page.hidden,
        "next_url": f"?after={page.next_after}" if page.next_after else "",
        "first_url": "?" if after is not None else "",
    }
    return render_page(request, "review.html", context, here="review")


def report_rows(reports: list[MessageReport]) -> list[dict[str, Any]]:  # Any: context of a template
    labels = label_conversations(report.conversation_id for report in reports)
    return [
        {"row": row, "reason": REASONS.get(row.reason, row.reason), "where": labels.get(row.conversation_id, "")}
        for row in reports
    ]


@portal_page("reports.view")
@require_GET
def report(request: HttpRequest, report_id: int) -> HttpResponseBase:
    """A reported message in context."""
    return _show(request, report_id, form=ReasonForm())


def _show(request: HttpRequest, report_id: int, *, form: ReasonForm) -> HttpResponseBase:
    by = person_of(request)
    row, look = open_report(by, report_id=report_id)
    context = {
        **report_rows([row])[0],
        "look": look,
        "form": form,
        "may_decide": row.state == MessageReport.OPEN and by.can("reports.decide"),
    }
    return render_page(request, "report.html", context, here="review")


@portal_page("reports.decide")
@require_POST
def decide(request: HttpRequest, report_id: int) -> HttpResponseBase:
    """Remove the message or keep it; the button says which."""
    form = ReasonForm(request.POST)
    decided = take(form, lambda: _decide(request, report_id, form)) if form.is_valid() else None
    if decided is not None:
        messages.success(request, "Your decision is on record.")
        return redirect("portal_review")
    return _show(request, report_id, form=form)


def _decide(request: HttpRequest, report_id: int, form: ReasonForm) -> MessageReport:
    decisions = {"remove": remove_reported, "keep": keep_reported}
    chosen = decisions.get(request.POST.get("decision", ""))
    if chosen is None:
        raise Invalid(None, "Choose whether the message is removed or kept.")
    return chosen(person_of(request), report_id=report_id, reason=form.cleaned_data["reason"])
