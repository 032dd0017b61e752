"""Files of messages at the desk: downloads only, each of them on record."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from admin_portal.doors import portal_page, purpose_of
from admin_portal.file_looks import open_file, open_reported_file
from admin_portal.pages_search import purpose_url
from messenger.web.files import file_response
from messenger.web.gates import person_of


@portal_page("record.open")
@require_GET
def entry_file(request: HttpRequest, seq: int, place: int) -> HttpResponseBase:
    """A file of a message that a search found."""
    purpose = purpose_of(request)
    if purpose is None:
        return redirect(purpose_url(request))
    return file_response(request, open_file(person_of(request), purpose=str(purpose), seq=seq, place=place))


@portal_page("reports.view")
@require_GET
def report_file(request: HttpRequest, report_id: int, seq: int, place: int) -> HttpResponseBase:
    """A file of a reported message, or of one beside it."""
    stored = open_reported_file(person_of(request), report_id=report_id, seq=seq, place=place)
    return file_response(request, stored)
