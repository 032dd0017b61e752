"""The chat's pages: everything a person needs is in the first HTML; scripts only make it live."""

import uuid
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.contrib import messages as notices
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from messenger.conversations import actions, attachments, moderation, queries
from messenger.conversations.access import Seat, access_conversation, access_message
from messenger.conversations.filetypes import IMAGES
from messenger.conversations.frames import Frame, message_frames
from messenger.conversations.markup import trust_rendered
from messenger.people import errors
from messenger.people.models import Person
from messenger.web.api import open_as_wished
from messenger.web.build import BUILD_ID
from messenger.web.context import about_me
from messenger.web.forms import NewConversationForm, PostForm, ReportForm
from messenger.web.gates import door_of, person_of

GROUP_WINDOW = timedelta(minutes=5)
SECTIONS = (
    ("spaces", "Spaces", ("team", "broadcast")),
    ("groups", "Groups", ("group",)),
    ("direct", "Direct messages", ("direct",)),
    ("clients", "Clients", ("client",)),
)


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The sidebar with nothing chosen yet; on a phone this is the list of conversations."""
    person = person_of(request)
    if not person.can("chat"):
        return redirect("/portal/")
    return _chat_page(request, person, None)


@login_required
@require_GET
def conversation(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """One conversation: its newest 40 messages, its people, a composer."""
    person = person_of(request)
    return _chat_page(request, person, _seat_or_404(person, conversation_id))


@login_required
@require_POST
def post(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """The composer without JavaScript."""
    form = PostForm(request.POST)
    person = person_of(request)
    _seat_or_404(person, conversation_id)
    if form.is_valid():
        _try_post(request, person, conversation_id, form.cleaned_data)
    else:
        notices.error(request, "The message was not sent: it is empty.")
    return HttpResponseRedirect(reverse("conversation", args=[conversation_id]))


@login_required
@require_http_methods(["GET", "POST"])
def new_conversation(request: HttpRequest) -> HttpResponse:
    """Start a conversation: choose a kind, people and a name."""
    person = person_of(request)
    if not person.can("chat"):
        raise Http404
    form = NewConversationForm(person, request.POST or None, initial=_initial(request))
    if request.method == "POST" and form.is_valid():
        try:
            opened, _ = open_as_wished(person, form.wish())
            return HttpResponseRedirect(reverse("conversation", args=[opened.pk]))
        except (errors.Invalid, errors.Conflict) as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
        except errors.NotAllowed as error:
            form.add_error(None, error.message)
    context = {"form": form}
    return render(request, "messenger/chat/new.html", context, status=200 if not form.errors else 422)


@login_required
@require_http_methods(["GET", "POST"])
def report(request: HttpRequest, conversation_id: int, n: int) -> HttpResponse:
    """Report a message to the moderators, without JavaScript."""
    person = person_of(request)
    try:
        _, message = access_message(person, conversation_id, n)
    except errors.NotFound as error:
        raise Http404 from error
    form = ReportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        moderation.report_message(person, conversation_id=conversation_id, n=n, **form.cleaned_data)
        notices.success(request, "Thank you. A moderator will look at the message.")
        return HttpResponseRedirect(reverse("conversation", args=[conversation_id]))
    context = {"form": form, "message": message_frames([message])[0], "conversation_id": conversation_id}
    return render(request, "messenger/chat/report.html", context)


def _chat_page(request: HttpRequest, person: Person, seat: Seat | None) -> HttpResponse:
    return render(request, "messenger/chat/page.html", _page_context(person, seat))


def _seat_or_404(person: Person, conversation_id: int) -> Seat:
    """Absent and forbidden are the same page, word for word."""
    try:
        return access_conversation(person, conversation_id)
    except errors.NotFound as error:
        raise Http404 from error


def _try_post(request: HttpRequest, person: Person, conversation_id: int, wish: dict[str, Any]) -> None:
    try:
        outcome = actions.post_message(
            person,
            conversation_id=conversation_id,
            client_key=wish["client_key"] or uuid.uuid4(),
            body=wish["body"],
            door=door_of(request),
        )
    except (errors.Invalid, errors.Conflict, errors.NotAllowed) as error:
        notices.error(request, f"The message was not sent: {error.message}")
        return
    if isinstance(outcome, actions.Refusal):
        told = " ".join(reason["message"] for reason in outcome.reasons)
        notices.error(request, f"The firm's rules do not allow this message. {told}")


def _page_context(person: Person, seat: Seat | None) -> dict[str, Any]:
    conversations = queries.list_conversations(person)
    active = next((c for c in conversations if seat and c["id"] == seat.conversation.pk), None)
    page = queries.read_page(seat) if seat else None
    members = queries.list_members(seat.conversation) if seat else []
    shown = _with_days(page.messages, active["read_n"], person) if page and active else []
    return {
        "me": about_me(person),
        "sidebar": _sidebar(conversations, active),
        "conversation": active,
        "members": members,
        "messages_shown": shown,
        "has_more": page.has_more if page else False,
        "report_reasons": list(moderation.REASONS.items()),
        "bootstrap": {
            "me": about_me(person),
            "conversation": active,
            "members": members,
            "heads": _heads(conversations, seat),
            "has_more": page.has_more if page else False,
            "build": BUILD_ID,
            "csrf_header": "X-CSRFToken",
            "attachments": _attachment_limits(active),
            "limits": {"body_bytes": settings.ONRECORD_BODY_BYTES, "frame_bytes": settings.ONRECORD_FRAME_BYTES},
            "urls": {"api": "/api/v1/", "socket": "/ws", "sign_in": reverse("account_login")},
        },
    }


def _heads(conversations: list[Frame], seat: Seat | None) -> list[list[int]]:
    """Return where the page's cursors begin: in the open conversation at the head up to which its messages were read.

    The list was read after the seat; from its head on the page would never hear what was said in between.
    """
    begins: dict[int, int] = {c["id"]: c["head"] for c in conversations}
    if seat is not None:
        begins[seat.conversation.pk] = seat.conversation.head
    return [[c["id"], begins[c["id"]], c["unread"], c["mentions"]] for c in conversations]


def _attachment_limits(active: Frame | None) -> dict[str, int] | None:
    """Return what a message may carry, None where it carries no files: a text to a phone."""
    if active is None or active["contact"]:
        return None
    return {"bytes": attachments.largest_file_bytes(), "most": attachments.MOST_IN_A_MESSAGE}


def _sidebar(conversations: list[Frame], active: Frame | None) -> list[dict[str, Any]]:
    """Group the conversations: unread ones first, then by kind, each newest first."""
    items = [c | {"active": active is not None and c["id"] == active["id"]} for c in conversations]
    unread = [item for item in items if item["unread"] and not item["active"]]
    groups: list[dict[str, Any]] = [{"key": "unread", "title": "Unread", "items": unread}]
    for key, title, kinds in SECTIONS:
        rest = [item for item in items if item["kind"] in kinds and item not in unread]
        groups.append({"key": key, "title": title, "items": rest})
    return groups


def _with_days(messages: list[Frame], read_n: int, person: Person) -> list[Frame]:
    """Add what the template needs to draw day lines, groups by author and the line before what is new."""
    shown = [
        m
        | {"at_dt": _instant(m["at"]), "html": trust_rendered(m["html"])}
        | {"attachments": _with_images(m["attachments"])}
        for m in messages
    ]
    for message in shown:
        message |= {"day": message["at_dt"].date(), "starts_group": True, "starts_day": True, "is_new_from_here": False}
    for earlier, later in pairwise(shown):
        later["starts_day"] = earlier["day"] != later["day"]
        is_same_author = earlier["author"] == later["author"]
        is_close = later["at_dt"] - earlier["at_dt"] < GROUP_WINDOW
        later["starts_group"] = later["starts_day"] or not (is_same_author and is_close)
    first_new = next((m for m in shown if m["n"] > read_n and not _is_by(m, person)), None)
    if first_new is not None:
        first_new["is_new_from_here"] = True
    return shown


def _with_images(files: list[Frame]) -> list[Frame]:
    return [file | {"is_image": bool(file["width"] and file["type"] in IMAGES)} for file in files]


def _is_by(message: Frame, person: Person) -> bool:
    return bool(message["author"]["kind"] == "person" and message["author"]["id"] == person.pk)


def _instant(text: str) -> datetime:
    at = parse_datetime(text)
    if at is None:
        raise ValueError(text)
    return at


def _initial(request: HttpRequest) -> dict[str, Any]:
    return {key: request.GET[key] for key in ("kind", "contact") if key in request.GET}
