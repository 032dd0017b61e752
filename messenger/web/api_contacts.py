"""The HTTP API of outside contacts, their consent, the text preview, and personal tokens."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from messenger.conversations import texts
from messenger.conversations.access import access_conversation
from messenger.conversations.models import Conversation
from messenger.people.access import access_contact, access_token, contacts_list
from messenger.people.actions import add_contact, create_token, revoke_token
from messenger.people.errors import Invalid
from messenger.people.models import ApiToken, Contact
from messenger.sms import consent
from messenger.sms.decisions import evaluate
from messenger.sms.segments import split
from messenger.web import serializers, shapes
from messenger.web.api import values_of
from messenger.web.gates import person_of


class ContactsView(APIView):
    @extend_schema(responses=shapes.ContactListShape)
    def get(self, request: Request) -> Response:
        """The firm's contacts by name."""
        found = contacts_list(person_of(request), request.query_params.get("q", "")[:80])
        return Response({"results": [contact_brief(contact) for contact in found]})

    @extend_schema(request=serializers.ContactSerializer, responses={201: shapes.ContactBriefShape})
    def post(self, request: Request) -> Response:
        """Add an outside person by their phone number."""
        contact = add_contact(person_of(request), **values_of(serializers.ContactSerializer, request))
        return Response(contact_brief(contact), status=201)


class ConsentView(APIView):
    @extend_schema(request=serializers.ConsentSerializer, responses={201: shapes.ContactBriefShape})
    def post(self, request: Request, contact_id: int) -> Response:
        """Record a consent with its evidence."""
        person, wish = person_of(request), values_of(serializers.ConsentSerializer, request)
        contact = access_contact(person, contact_id)
        evidence = {"words": wish.pop("evidence"), "attested_by": person.name}
        consent.grant(contact, by=person, evidence=evidence, at=timezone.now(), **wish)
        return Response(contact_brief(contact), status=201)


class RevocationView(APIView):
    @extend_schema(request=serializers.RevocationSerializer, responses={201: shapes.ContactBriefShape})
    def post(self, request: Request, contact_id: int) -> Response:
        """Record a wish to be left alone that came by another way than a text."""
        person = person_of(request)
        contact = access_contact(person, contact_id)
        texts.opt_out(person, contact=contact, **values_of(serializers.RevocationSerializer, request))
        return Response(contact_brief(contact), status=201)


class PreviewView(APIView):
    @extend_schema(request=serializers.PreviewSerializer, responses=shapes.PreviewShape)
    def post(self, request: Request) -> Response:
        """How a text would leave now: verdict with reasons, segments, and the words as the phone gets them."""
        wish = values_of(serializers.PreviewSerializer, request)
        seat = access_conversation(person_of(request), wish["conversation"])
        if seat.conversation.kind != Conversation.CLIENT or seat.conversation.contact is None:
            raise Invalid("conversation", "This is not a thread with a client.")
        return Response(preview(seat.conversation.contact, wish["body"]))


class TokensView(APIView):
    @extend_schema(responses=shapes.TokenListShape)
    def get(self, request: Request) -> Response:
        """My personal tokens; the secrets are not kept."""
        found = person_of(request).api_tokens.filter(revoked_at=None)
        return Response({"results": [_token(token) for token in found]})

    @extend_schema(request=serializers.TokenSerializer, responses={201: shapes.NewTokenShape})
    def post(self, request: Request) -> Response:
        """Make a personal token; the secret is in this answer and nowhere else."""
        token, secret = create_token(person_of(request), **values_of(serializers.TokenSerializer, request))
        return Response(_token(token) | {"secret": secret}, status=201)


class TokenView(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, token_id: int) -> Response:
        """Revoke one of my tokens."""
        person = person_of(request)
        revoke_token(person, token=access_token(person, token_id))
        return Response(status=204)


def contact_brief(contact: Contact) -> dict[str, Any]:
    """Return a contact with what may be sent to them."""
    state = consent.state(contact).state
    return {
        "id": contact.pk,
        "name": contact.name,
        "number": contact.number,
        "consent": state,
        "suppressed": state == "suppressed",
    }


def preview(contact: Contact, body: str) -> dict[str, Any]:
    """Return the decision on a text as the composer shows it."""
    decision = evaluate(contact, text=body, at=timezone.now())
    segments = split(decision.text)
    return {
        "outcome": decision.outcome,
        "reasons": [{"code": reason.code, "message": reason.message} for reason in decision.reasons],
        "segments": segments.count,
        "encoding": segments.encoding,
        "text": decision.text,
    }


def _token(token: ApiToken) -> dict[str, Any]:
    return {"id": token.pk, "name": token.name, "created_at": token.created_at}
