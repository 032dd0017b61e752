"""The HTTP API of conversations (docs/protocol.md). Each view translates and calls one action or query."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from messenger.conversations import actions, membership, moderation, opening, paging, queries
from messenger.conversations.access import Seat, access_conversation
from messenger.conversations.frames import Frame, person_frame
from messenger.conversations.models import Conversation
from messenger.delivery import metrics
from messenger.people import errors
from messenger.people.access import access_contact, people_list
from messenger.people.models import Person
from messenger.web import serializers, shapes
from messenger.web.context import about_me
from messenger.web.errors import REFUSED
from messenger.web.frames_in import BadFrame, parse_after
from messenger.web.gates import door_of, person_of

LIMIT = OpenApiParameter("limit", int, description="at most this many")
PLACES = [OpenApiParameter(name, int, description="number of a message") for name in ("before", "after", "around")]


def values_of(serializer_class: Any, request: Request) -> dict[str, Any]:
    """Return the checked fields of the request's body; raises DRF's ValidationError."""
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values


def whole_number(request: Request, name: str, default: int | None) -> int | None:
    """Return a query parameter that must be a whole number."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise errors.Invalid(name, f"{name} must be a whole number.")
    return int(text)


class MeView(APIView):
    @extend_schema(responses=shapes.MeShape)
    def get(self, request: Request) -> Response:
        """Who am I, and what may I do."""
        return Response(about_me(person_of(request)))


class PeopleView(APIView):
    @extend_schema(responses=shapes.PeopleListShape, parameters=[OpenApiParameter("q", str)])
    def get(self, request: Request) -> Response:
        """Active colleagues whose name or address contains `q`."""
        people = people_list(person_of(request), request.query_params.get("q", "")[:80])
        return Response({"results": [person_frame(person) for person in people]})


class ConversationsView(APIView):
    @extend_schema(responses=shapes.ConversationListShape, operation_id="conversations_list")
    def get(self, request: Request) -> Response:
        """Everything I belong to, newest first, with unread counts."""
        return Response({"results": queries.list_conversations(person_of(request))})

    @extend_schema(
        request=serializers.OpenConversationSerializer,
        responses={200: shapes.ConversationShape, 201: shapes.ConversationShape},
    )
    def post(self, request: Request) -> Response:
        """Open a conversation; a direct one or a client thread that exists already is returned with 200."""
        person, wish = person_of(request), values_of(serializers.OpenConversationSerializer, request)
        conversation, is_new = open_as_wished(person, wish)
        seat = access_conversation(person, conversation.pk)
        return Response(conversation_with_members(seat), status=201 if is_new else 200)


class ConversationView(APIView):
    @extend_schema(responses=shapes.ConversationShape)
    def get(self, request: Request, conversation_id: int) -> Response:
        """One conversation with its members."""
        return Response(conversation_with_members(access_conversation(person_of(request), conversation_id)))


class MessagesView(APIView):
    @extend_schema(responses=shapes.MessagePageShape, parameters=[*PLACES, LIMIT])
    def get(self, request: Request, conversation_id: int) -> Response:
        """Messages, ascending: the newest, those below `before`, above `after` or around `around`."""
        page = page_asked_for(access_conversation(person_of(request), conversation_id), request)
        return Response({"messages": page.messages, "has_more": page.has_more, "has_newer": page.has_newer})

    @extend_schema(
        request=serializers.PostSerializer,
        responses={200: shapes.MessageShape, 201: shapes.MessageShape, 422: shapes.ErrorShape},
    )
    def post(self, request: Request, conversation_id: int) -> Response:
        """Say something. 201: it is in the signed record; 200: it was already, with this client key."""
        wish = values_of(serializers.PostSerializer, request)
        person, door = person_of(request), door_of(request)
        outcome = actions.post_message(person, conversation_id=conversation_id, door=door, **wish)
        if isinstance(outcome, actions.Refusal):
            raise errors.Refused(REFUSED, reasons=outcome.reasons)
        return Response(queries.message_frame_of(outcome.message), status=201 if outcome.is_new else 200)


class ReadView(APIView):
    @extend_schema(request=serializers.ReadSerializer, responses=shapes.ReadShape)
    def post(self, request: Request, conversation_id: int) -> Response:
        """Move my read marker forward."""
        wish = values_of(serializers.ReadSerializer, request)
        marker = actions.mark_read(person_of(request), conversation_id=conversation_id, n=wish["n"])
        ordinal = Conversation.objects.values_list("ordinal", flat=True).get(pk=conversation_id)
        return Response({"n": marker.n, "unread": ordinal - marker.ordinal})


class MembersView(APIView):
    @extend_schema(request=serializers.MemberSerializer, responses={201: shapes.ConversationShape})
    def post(self, request: Request, conversation_id: int) -> Response:
        """Add a colleague."""
        person, wish = person_of(request), values_of(serializers.MemberSerializer, request)
        membership.add_member(person, conversation_id=conversation_id, person_id=wish["person"])
        return Response(conversation_with_members(access_conversation(person, conversation_id)), status=201)


class MemberView(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, conversation_id: int, person_id: int) -> Response:
        """Remove a colleague, or leave."""
        membership.remove_member(person_of(request), conversation_id=conversation_id, person_id=person_id)
        return Response(status=204)


class TakeView(APIView):
    @extend_schema(request=None, responses={201: shapes.ConversationShape})
    def post(self, request: Request, conversation_id: int) -> Response:
        """Take a client thread that nobody holds."""
        person = person_of(request)
        membership.take_thread(person, conversation_id=conversation_id)
        return Response(conversation_with_members(access_conversation(person, conversation_id)), status=201)


class ReportView(APIView):
    @extend_schema(request=serializers.ReportSerializer, responses={201: shapes.IdShape})
    def post(self, request: Request, conversation_id: int, n: int) -> Response:
        """Ask for a moderator's eye on a message."""
        wish = values_of(serializers.ReportSerializer, request)
        report = moderation.report_message(person_of(request), conversation_id=conversation_id, n=n, **wish)
        return Response({"id": report.pk}, status=201)


class SyncView(APIView):
    @extend_schema(responses=shapes.SyncShape, parameters=[OpenApiParameter("after", str), LIMIT])
    def get(self, request: Request) -> Response:
        """What happened after my cursors (`after=7:41,9:3`)."""
        try:
            cursors = parse_after(request.query_params.get("after", ""))
        except BadFrame as error:
            raise errors.Invalid("after", error.message) from error
        limit = whole_number(request, "limit", queries.MAX_SYNC) or queries.MAX_SYNC
        metrics.count(metrics.SYNCS)
        found = queries.sync(person_of(request), cursors=cursors, limit=limit)
        told = {"events": found.events, "heads": found.heads, "reset": found.resets, "limited": found.is_limited}
        return Response(told)


def page_asked_for(seat: Seat, request: Request) -> paging.MessagePage:
    """Return the page that the query names by one of `before`, `after` and `around`, or the newest."""
    limit = whole_number(request, "limit", paging.PAGE) or paging.PAGE
    before, after, around = (whole_number(request, name, None) for name in ("before", "after", "around"))
    if sum(place is not None for place in (before, after, around)) > 1:
        raise errors.Invalid("before", "Give one of before, after and around.")
    if after is not None:
        return paging.page_after(seat, after=after, limit=limit)
    if around is not None:
        return paging.page_around(seat, n=around, limit=limit)
    return queries.read_page(seat, before=before, limit=limit)


def open_as_wished(person: Person, wish: dict[str, Any]) -> tuple[Conversation, bool]:
    """Open the conversation that a checked wish names; return it and whether it is new."""
    kind, others = wish["kind"], wish["people"]
    if kind == Conversation.DIRECT:
        opened = opening.open_direct(person, others=others)
        return opened.conversation, opened.is_new
    if kind == Conversation.GROUP:
        return opening.open_group(person, title=wish["title"], others=others), True
    if kind == Conversation.CLIENT:
        if wish["contact"] is None:
            raise errors.Invalid("contact", "Choose the contact to text with.")
        opened = opening.open_client_thread(person, contact=access_contact(person, wish["contact"]), others=others)
        return opened.conversation, opened.is_new
    space = opening.open_space(person, kind=kind, title=wish["title"], others=others, purpose=wish["purpose"])
    return space, True


def conversation_with_members(seat: Seat) -> Frame:
    """Return one conversation as its member sees it."""
    frame = queries.conversation_frames(seat.person, [seat])[0]
    return frame | {"members": queries.list_members(seat.conversation)}
