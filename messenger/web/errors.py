"""Every failure as people and programs see it: one JSON object for the API, one page for a browser, one socket frame.

Nothing here may show a traceback, a value of the environment or whether a hidden thing exists.
"""

from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import loader
from rest_framework import exceptions
from rest_framework.response import Response

from archive import ledger
from messenger.conversations.actions import Refusal
from messenger.people import errors

STATUS: Final = {
    "invalid": HTTPStatus.BAD_REQUEST,
    "not_found": HTTPStatus.NOT_FOUND,
    "forbidden": HTTPStatus.FORBIDDEN,
    "conflict": HTTPStatus.CONFLICT,
    "key_taken": HTTPStatus.CONFLICT,
    "refused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}
# DRF's own failures, by class, as the protocol's codes.
CODES: Final[tuple[tuple[type[exceptions.APIException], str], ...]] = (
    (exceptions.ParseError, "malformed_json"),
    (exceptions.UnsupportedMediaType, "malformed_json"),
    (exceptions.NotAuthenticated, "not_signed_in"),
    (exceptions.AuthenticationFailed, "not_signed_in"),
    (exceptions.NotFound, "not_found"),
    (exceptions.Throttled, "throttled"),
    (exceptions.PermissionDenied, "forbidden"),
)
UNKNOWN: Final = "This token is unknown or has been revoked."
REFUSED: Final = "The firm's rules do not allow this message. Nobody has seen it."
NOTHING_HERE: Final = errors.NotFound().message
NOT_ALLOWED: Final = errors.NotAllowed().message
# The action was not done, or nobody knows: asking again with the same client key is harmless and finds out.
UNRECORDED: Final = (ledger.TooBusy, ledger.NotRecorded, ledger.OutcomeUnknown)
AGAIN: Final = "This could not be recorded just now. Try again in a moment."
FAILED: Final = "Something failed on our side. Try again; if it stays, tell your administrator."


class TooLarge(exceptions.APIException):
    """The body is larger than any call needs."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = "The body is larger than 256 KB."


class CsrfFailed(exceptions.PermissionDenied):
    """A session cookie came without the page's token."""

    default_code = "csrf"
    default_detail = "The X-CSRFToken header is missing or wrong. Reload the page."


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def failure(code: str, message: str, *, field: str | None = None) -> dict[str, Any]:
    """Return the one shape of a failure."""
    return {"code": code, "field": field, "message": message}


def api_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Shape whatever a view of the API raised; None (a failure of ours) goes on to the server's handler."""
    if isinstance(error, errors.SignedOut):
        error = _came_too_late(context)
    if isinstance(error, errors.Denial):
        return _denied(error)
    if isinstance(error, UNRECORDED):
        return _answer(HTTPStatus.SERVICE_UNAVAILABLE, failure("unavailable", AGAIN), headers={"Retry-After": "1"})
    if isinstance(error, Http404):
        return _answer(HTTPStatus.NOT_FOUND, failure("not_found", NOTHING_HERE))
    if isinstance(error, PermissionDenied):
        return _answer(HTTPStatus.FORBIDDEN, failure("forbidden", NOT_ALLOWED))
    if isinstance(error, RequestDataTooBig):
        return _answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, failure("too_large", str(TooLarge.default_detail)))
    if isinstance(error, exceptions.ValidationError):
        field, message = first_problem(error.detail)
        return _answer(HTTPStatus.BAD_REQUEST, failure("invalid", message, field=field))
    if isinstance(error, exceptions.APIException):
        return _answer(error.status_code, failure(_code_of(error), str(error.detail)), headers=_headers_of(error))
    return None


def _came_too_late(context: dict[str, Any]) -> exceptions.APIException:
    """Return what the call would have been told, had it come after its session or token had ended."""
    request = context["request"]
    late = exceptions.AuthenticationFailed(UNKNOWN) if request.auth else exceptions.NotAuthenticated()
    setattr(late, "auth_header", context["view"].get_authenticate_header(request))  # noqa: B010  # as DRF notes it
    return late


def _denied(denial: errors.Denial) -> Response:
    body = failure(denial.code, denial.message, field=denial.field)
    if isinstance(denial, errors.Refused):
        body["reasons"] = list(denial.reasons)
    return _answer(STATUS[denial.code], body)


def _answer(status: int, body: dict[str, Any], *, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status=status, headers=headers)


def _code_of(error: exceptions.APIException) -> str:
    if isinstance(error, TooLarge | CsrfFailed):
        return error.default_code
    return next((code for kind, code in CODES if isinstance(error, kind)), "invalid")


def _headers_of(error: exceptions.APIException) -> dict[str, str]:
    """DRF notes on the exception how to sign in and how long to wait."""
    challenge, wait = getattr(error, "auth_header", None), getattr(error, "wait", None)
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    return headers | ({"Retry-After": str(int(wait))} if wait else {})


def first_problem(detail: Any, *, path: str = "") -> tuple[str | None, str]:
    """Return the first field at fault (nested: "people.0") and what is said about it."""
    if isinstance(detail, dict) and detail:
        key = next(iter(detail))
        inner = path if key == "non_field_errors" else f"{path}.{key}".lstrip(".")
        return first_problem(detail[key], path=inner)
    if isinstance(detail, list) and detail:
        at = next((index for index, item in enumerate(detail) if item), 0)
        inner = path if isinstance(detail[at], str) else f"{path}.{at}".lstrip(".")
        return first_problem(detail[at], path=inner)
    return path or None, str(detail)


def refusal_frame(refusal: Refusal) -> dict[str, Any]:
    """Return the socket frame that says that policy refused the words."""
    about = {"client_key": str(refusal.client_key), "reasons": list(refusal.reasons)}
    return {"t": "error"} | failure("refused", REFUSED, field="body") | about


# --- pages -----------------------------------------------------------------------------------------------------------
def page_for(request: HttpRequest, denial: errors.Denial) -> HttpResponse:
    """Return the page (or the JSON) for a refusal that a view did not shape itself."""
    return _failed(request, STATUS[denial.code], denial.code, denial.message)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form or call that did not prove to come from our page."""
    if is_api(request):
        return _failed(request, HTTPStatus.FORBIDDEN, "csrf", str(CsrfFailed.default_detail))
    words = "This page had been open for too long, or was not ours. Go back, reload it and send it again."
    return _failed(request, HTTPStatus.FORBIDDEN, "csrf", words)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return _failed(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", str(TooLarge.default_detail))
    return _failed(request, HTTPStatus.BAD_REQUEST, "invalid", "This request cannot be read.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _failed(request, HTTPStatus.FORBIDDEN, "forbidden", NOT_ALLOWED)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _failed(request, HTTPStatus.NOT_FOUND, "not_found", NOTHING_HERE)


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    words = "Too many attempts from here. Wait a minute and try again."
    return _failed(request, HTTPStatus.TOO_MANY_REQUESTS, "throttled", words)


def failed(request: HttpRequest) -> HttpResponse:
    """Answer a failure of ours. It reads nothing from the database: that may be what failed."""
    if is_api(request):
        return JsonResponse(failure("failed", FAILED), status=HTTPStatus.INTERNAL_SERVER_ERROR)
    page = loader.get_template("500.html").render({"message": FAILED})
    return HttpResponse(page, status=HTTPStatus.INTERNAL_SERVER_ERROR)


def _failed(request: HttpRequest, status: int, code: str, message: str) -> HttpResponse:
    if is_api(request):
        return JsonResponse(failure(code, message), status=status)
    known = {HTTPStatus.BAD_REQUEST: "400.html", HTTPStatus.FORBIDDEN: "403.html", HTTPStatus.NOT_FOUND: "404.html"}
    return render(request, known.get(HTTPStatus(status), "400.html"), {"message": message}, status=status)
