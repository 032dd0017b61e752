"""The fields that calls of the portal's API take, and the shapes that they answer with (for the OpenAPI schema)."""

from typing import Any

from rest_framework import serializers

from admin_portal.exports import LONGEST_REASON
from admin_portal.purposes import LONGEST, SHORTEST
from admin_portal.search import LONGEST_QUERY
from messenger.web.shapes import FileShape

LARGEST = 10**15 - 1  # well inside what the record and the databases take as a whole number
Fields = serializers.Serializer[Any]  # Any: these serializers only check values, they have no instance


def purpose_field() -> serializers.CharField:
    return serializers.CharField(min_length=SHORTEST, max_length=LONGEST, help_text="Why you look; kept in the entry.")


class SearchFields(Fields):
    purpose = purpose_field()
    words = serializers.CharField(max_length=LONGEST_QUERY, required=False, allow_blank=True, default="")
    speaker = serializers.RegexField(
        r"^(person|contact):[0-9]{1,15}$", required=False, allow_blank=True, default="", help_text='"person:3"'
    )
    since = serializers.DateTimeField(required=False, allow_null=True, default=None)
    until = serializers.DateTimeField(required=False, allow_null=True, default=None, help_text="not included")
    after = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=0,
        max_value=LARGEST,
        help_text="`next` of the page before",
    )


class LookFields(Fields):
    purpose = purpose_field()


class ExportFields(Fields):
    client_key = serializers.UUIDField(help_text="made by the client: asking again with it gives the same request")
    purpose = purpose_field()
    conversations = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST), max_length=1000, required=False, default=list
    )
    person = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1, max_value=LARGEST)
    since = serializers.DateTimeField(required=False, allow_null=True, default=None)
    until = serializers.DateTimeField(required=False, allow_null=True, default=None, help_text="not included")


class ReasonFields(Fields):
    reason = serializers.CharField(max_length=LONGEST_REASON)


class DecisionFields(ReasonFields):
    decision = serializers.ChoiceField(choices=("removed", "kept"))


class PieceShape(Fields):
    text = serializers.CharField()
    is_marked = serializers.BooleanField()


class AuthorShape(Fields):
    id = serializers.CharField()
    name = serializers.CharField()


class PlaceShape(Fields):
    id = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]  # the answer's word shadows DRF's


class HitShape(Fields):
    seq = serializers.IntegerField()
    n = serializers.IntegerField()
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    author = AuthorShape()
    conversation = PlaceShape(allow_null=True)
    snippet = PieceShape(many=True)


class HitsShape(Fields):
    results = HitShape(many=True)
    next = serializers.IntegerField(allow_null=True)
    total = serializers.IntegerField()
    is_total_exact = serializers.BooleanField()


class LineShape(Fields):
    seq = serializers.IntegerField()
    n = serializers.IntegerField()
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    author = AuthorShape()
    body = serializers.CharField()
    attachments = FileShape(many=True)
    is_removed = serializers.BooleanField()
    is_disposed = serializers.BooleanField()


class EvidenceShape(Fields):
    leaf_hash = serializers.CharField()
    checkpoint_size = serializers.IntegerField()
    checkpoint_root = serializers.CharField()


class LookShape(Fields):
    entry = LineShape()
    before = LineShape(many=True)
    after = LineShape(many=True)
    conversation = PlaceShape(allow_null=True)
    evidence = EvidenceShape()


class ScopeShape(Fields):
    conversations = serializers.ListField(child=serializers.IntegerField())
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)


class ExportShape(Fields):
    id = serializers.IntegerField()
    state = serializers.ChoiceField(
        choices=("waiting", "approved", "making", "ready", "downloaded", "refused", "failed")
    )
    purpose = serializers.CharField()
    scope = ScopeShape()
    asked_by = AuthorShape()
    asked_at = serializers.DateTimeField()
    decided_by = AuthorShape(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    refusal_reason = serializers.CharField()
    digest = serializers.CharField()
    size_bytes = serializers.IntegerField()
    entries = serializers.IntegerField()
    download_token = serializers.CharField(allow_null=True, help_text="for the asker, in this session only")


class ExportsShape(Fields):
    results = ExportShape(many=True)
    next = serializers.IntegerField(allow_null=True)


class ReportShape(Fields):
    id = serializers.IntegerField()
    state = serializers.CharField()
    reason = serializers.CharField()
    comment = serializers.CharField()
    at = serializers.DateTimeField()
    reporter = AuthorShape()
    conversation = PlaceShape()
    n = serializers.IntegerField()
    decision_reason = serializers.CharField()


class ReportsShape(Fields):
    results = ReportShape(many=True)
    next = serializers.IntegerField(allow_null=True)
    hidden = serializers.IntegerField(help_text="waiting for another reviewer: your own words, or your conversations")
