"""The HTTP API of the desk: the same actions as its pages. Each view translates and calls one action."""

from typing import Any, ClassVar

from django.http import HttpResponseBase
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from admin_portal import frames, serializers
from admin_portal.access import access_export, visible_exports
from admin_portal.download import download_export
from admin_portal.exports import approve_export, refuse_export, request_export
from admin_portal.file_looks import open_file
from admin_portal.pages_exports import package_response
from admin_portal.queue import keep_reported, open_reports, remove_reported
from admin_portal.scopes import make_scope
from admin_portal.search import Search, open_message, run_search
from admin_portal.status import evidence_of
from messenger.conversations.models import MessageReport
from messenger.people.errors import NotFound
from messenger.people.models import ApiToken
from messenger.web.api import values_of, whole_number
from messenger.web.files import ANY_FILE, file_response
from messenger.web.gates import person_of

PAGE_SIZE = 50
PURPOSE = OpenApiParameter("purpose", str, required=True, description="why you look; kept in the entry")
BEFORE = OpenApiParameter("before", int, description="`next` of the page before")
TOKEN = OpenApiParameter("token", str, required=True, description="`download_token` of the export, of this session")
PACKAGE = {(200, "application/zip"): OpenApiTypes.BINARY}


def session_of(request: Request) -> str:
    """Return what a download is bound to: the personal token that was sent, or else the sign-in session."""
    if isinstance(request.auth, ApiToken):
        return f"token:{request.auth.digest}"
    return request.session.session_key or ""


@method_decorator(never_cache, name="dispatch")
class DeskView(APIView):
    """A call that takes a capability; without it there is nothing at its address, whatever the body says."""

    capability: ClassVar[str]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:  # Any: DRF's own signature
        super().initial(request, *args, **kwargs)
        if not person_of(request).can(self.capability):
            raise NotFound


class SearchView(DeskView):
    capability = "record.search"

    @extend_schema(request=serializers.SearchFields, responses=serializers.HitsShape)
    def post(self, request: Request) -> Response:
        """Search the record. The search is an entry, with its purpose, before anything is answered."""
        wish = values_of(serializers.SearchFields, request)
        purpose, after = wish.pop("purpose"), wish.pop("after")
        page = run_search(person_of(request), purpose=purpose, search=Search(**wish), after=after)
        return Response(frames.hits_frame(page))


class EntryView(DeskView):
    capability = "record.open"

    @extend_schema(parameters=[PURPOSE], responses=serializers.LookShape)
    def get(self, request: Request, seq: int) -> Response:
        """Open a message with two before and two after it. The look is an entry before anything is answered."""
        fields = serializers.LookFields(data=request.query_params)
        fields.is_valid(raise_exception=True)
        look = open_message(person_of(request), purpose=fields.validated_data["purpose"], seq=seq)
        return Response(frames.look_frame(look, evidence_of(seq)))


class EntryFileView(DeskView):
    capability = "record.open"
    # A HEAD request would leave an entry for nothing.
    http_method_names = ("get", "options")

    @extend_schema(parameters=[PURPOSE], responses=ANY_FILE)
    def get(self, request: Request, seq: int, place: int) -> HttpResponseBase:
        """Fetch a file of a message. The look is an entry before the first byte is answered."""
        fields = serializers.LookFields(data=request.query_params)
        fields.is_valid(raise_exception=True)
        purpose = fields.validated_data["purpose"]
        stored = open_file(person_of(request), purpose=purpose, seq=seq, place=place)
        return file_response(request._request, stored)


class ExportsView(DeskView):
    capability = "exports.request"

    @extend_schema(operation_id="exports_list", parameters=[BEFORE], responses=serializers.ExportsShape)
    def get(self, request: Request) -> Response:
        """All exports, newest first, for those who ask for them or approve them."""
        person, before = person_of(request), whole_number(request, "before", None)
        rows = visible_exports(person)
        page = list((rows if before is None else rows.filter(pk__lt=before))[: PAGE_SIZE + 1])
        results = [frames.export_frame(row, viewer=person, session=session_of(request)) for row in page[:PAGE_SIZE]]
        return Response({"results": results, "next": page[PAGE_SIZE - 1].pk if len(page) > PAGE_SIZE else None})

    @extend_schema(request=serializers.ExportFields, responses={201: serializers.ExportShape})
    def post(self, request: Request) -> Response:
        """Ask for an export of whole conversations; another officer decides."""
        person, wish = person_of(request), values_of(serializers.ExportFields, request)
        scope = make_scope(wish["conversations"], person_id=wish["person"], since=wish["since"], until=wish["until"])
        export = request_export(person, purpose=wish["purpose"], scope=scope, client_key=wish["client_key"])
        return Response(frames.export_frame(export, viewer=person, session=session_of(request)), status=201)


class ExportView(DeskView):
    capability = "exports.request"

    @extend_schema(responses=serializers.ExportShape)
    def get(self, request: Request, export_id: int) -> Response:
        """One export: where it stands, and for its asker the token that downloads it."""
        person = person_of(request)
        export = access_export(person, export_id)
        return Response(frames.export_frame(export, viewer=person, session=session_of(request)))


class ApproveView(DeskView):
    capability = "exports.approve"

    @extend_schema(request=None, responses=serializers.ExportShape)
    def post(self, request: Request, export_id: int) -> Response:
        """Approve an export that another officer asked for."""
        person = person_of(request)
        export = approve_export(person, export_id=export_id)
        return Response(frames.export_frame(export, viewer=person, session=session_of(request)))


class RefuseView(DeskView):
    capability = "exports.approve"

    @extend_schema(request=serializers.ReasonFields, responses=serializers.ExportShape)
    def post(self, request: Request, export_id: int) -> Response:
        """Refuse an export that another officer asked for."""
        person, wish = person_of(request), values_of(serializers.ReasonFields, request)
        export = refuse_export(person, export_id=export_id, reason=wish["reason"])
        return Response(frames.export_frame(export, viewer=person, session=session_of(request)))


class DownloadView(DeskView):
    capability = "exports.download"
    # A HEAD request would count as the one download.
    http_method_names = ("get", "options")

    @extend_schema(parameters=[TOKEN], responses=PACKAGE)
    def get(self, request: Request, export_id: int) -> HttpResponseBase:
        """Download the package, once."""
        handout = download_export(
            person_of(request),
            export_id=export_id,
            session=session_of(request),
            token=request.query_params.get("token", ""),
        )
        return package_response(request._request, handout)


class ReportsView(DeskView):
    capability = "reports.view"

    @extend_schema(parameters=[OpenApiParameter("after", int)], responses=serializers.ReportsShape)
    def get(self, request: Request) -> Response:
        """Reports that wait for a decision of mine, oldest first. No content."""
        return Response(
            frames.queue_frame(open_reports(person_of(request), after=whole_number(request, "after", None)))
        )


class DecisionView(DeskView):
    capability = "reports.decide"

    @extend_schema(request=serializers.DecisionFields, responses=serializers.ReportShape)
    def post(self, request: Request, report_id: int) -> Response:
        """Remove a reported message from the members' sight, or keep it; the original stays in the record."""
        wish = values_of(serializers.DecisionFields, request)
        decide = remove_reported if wish["decision"] == MessageReport.REMOVED else keep_reported
        report = decide(person_of(request), report_id=report_id, reason=wish["reason"])
        return Response(frames.report_frames([report])[0])
