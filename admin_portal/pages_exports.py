"""Export pages: ask with a preview, decide on another's, watch it being made, fetch it once."""

from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from admin_portal.access import access_export, visible_exports
from admin_portal.doors import cursor_of, portal_page, purpose_of, render_page, session_key_of
from admin_portal.download import Handout, download_export, download_token
from admin_portal.exports import approve_export, refuse_export, request_export
from admin_portal.forms import ExportForm, ReasonForm, take
from admin_portal.labels import label_conversations
from admin_portal.models import ExportRequest
from admin_portal.scopes import read_scope
from archive.export.package import preview
from messenger.people.models import Person
from messenger.web.gates import person_of

PAGE_SIZE = 25
_BLOCK_BYTES = 256 * 1024


@portal_page("exports.request")
@require_GET
def exports(request: HttpRequest) -> HttpResponseBase:
    """All exports, newest first."""
    before = cursor_of(request, "before")
    rows = visible_exports(person_of(request))
    if before is not None:
        rows = rows.filter(pk__lt=before)
    page = list(rows[: PAGE_SIZE + 1])
    older = f"?before={page[PAGE_SIZE - 1].pk}" if len(page) > PAGE_SIZE else ""
    context = {"exports": page[:PAGE_SIZE], "older_url": older, "newest_url": "?" if before is not None else ""}
    return render_page(request, "exports.html", context, here="exports")


@portal_page("exports.request")
@require_http_methods(["GET", "POST"])
def new_export(request: HttpRequest) -> HttpResponseBase:
    """Ask for an export; the same form shows what it would hold before it is asked for."""
    offered = _offered(request)
    purpose = purpose_of(request)
    initial = {"conversations": offered, "purpose": str(purpose) if purpose else ""}
    form = ExportForm(request.POST or None, offered=offered, initial=initial)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        if "preview" in request.POST:
            context["preview"] = take(form, lambda: preview(form.scope().for_archive()))
        elif export := take(form, lambda: _request(request, form)):
            messages.success(request, "The export was asked for. Another officer decides on it.")
            return redirect("portal_export", export.pk)
    return render_page(request, "new_export.html", context, here="exports")


def _offered(request: HttpRequest) -> list[int]:
    """Return the conversations that the form offers: the one it was opened for, and those chosen so far."""
    numbers = [*request.GET.getlist("conversation"), *request.POST.getlist("conversations")]
    return sorted({int(number) for number in numbers if number.isdecimal() and len(number) < 18})


def _request(request: HttpRequest, form: ExportForm) -> ExportRequest:
    values = form.cleaned_data
    return request_export(
        person_of(request), purpose=values["purpose"], scope=form.scope(), client_key=values["client_key"]
    )


@portal_page("exports.request")
@require_GET
def export(request: HttpRequest, export_id: int) -> HttpResponseBase:
    """One export: what it covers, where it stands, and what I can do about it."""
    return _show(request, access_export(person_of(request), export_id), form=ReasonForm())


def _show(request: HttpRequest, row: ExportRequest, *, form: ReasonForm) -> HttpResponseBase:
    by = person_of(request)
    scope = read_scope(row.scope)
    context = {
        "export": row,
        "scope": scope,
        "labels": label_conversations(scope.conversations).values(),
        "form": form,
        "may_decide": _may_decide(by, row),
        "may_download": row.state == ExportRequest.READY and row.asked_by_id == by.pk,
        "token": download_token(row, session=session_key_of(request)),
    }
    return render_page(request, "export.html", context, here="exports")


def _may_decide(by: Person, row: ExportRequest) -> bool:
    return row.state == ExportRequest.WAITING and row.asked_by_id != by.pk and by.can("exports.approve")


@portal_page("exports.request")
@require_GET
def export_state(request: HttpRequest, export_id: int) -> HttpResponseBase:
    """Tell the page's script where the export stands."""
    row = access_export(person_of(request), export_id)
    return JsonResponse({"state": row.state, "is_settled": row.is_settled})


@portal_page("exports.approve")
@require_POST
def approve(request: HttpRequest, export_id: int) -> HttpResponseBase:
    approve_export(person_of(request), export_id=export_id)
    messages.success(request, "You approved the export. It is being made now.")
    return redirect("portal_export", export_id)


@portal_page("exports.approve")
@require_POST
def refuse(request: HttpRequest, export_id: int) -> HttpResponseBase:
    by, form = person_of(request), ReasonForm(request.POST)
    refused = None
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        refused = take(form, lambda: refuse_export(by, export_id=export_id, reason=reason))
    if refused is not None:
        messages.success(request, "You refused the export. The asker sees your reason.")
        return redirect("portal_export", export_id)
    return _show(request, access_export(by, export_id), form=form)


@portal_page("exports.download")
@require_POST
def download(request: HttpRequest, export_id: int) -> HttpResponseBase:
    """Hand the package out, once."""
    handout = download_export(
        person_of(request),
        export_id=export_id,
        session=session_key_of(request),
        token=request.POST.get("token", ""),
    )
    return package_response(request, handout)


def package_response(request: HttpRequest, handout: Handout) -> HttpResponseBase:
    """Stream the package. Under ASGI in blocks read by a thread: Django would read a plain file as a whole first."""
    if not isinstance(request, ASGIRequest):
        return FileResponse(handout.file, as_attachment=True, filename=handout.name, content_type="application/zip")
    response = StreamingHttpResponse(_blocks(handout), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{handout.name}"'
    response["Content-Length"] = str(handout.size_bytes)
    return response


async def _blocks(handout: Handout) -> AsyncIterator[bytes]:
    with handout.file as file:
        while block := await sync_to_async(file.read)(_BLOCK_BYTES):
            yield block
