"""What the API answers, for the OpenAPI schema (docs/protocol.md says what each field means)."""

from typing import Any

from rest_framework import serializers


class ErrorShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    field = serializers.CharField(allow_null=True)
    message = serializers.CharField()


class PersonShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField()
    hue = serializers.IntegerField()
    initials = serializers.CharField()


class MemberShape(PersonShape):
    role = serializers.CharField()


class MeShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    email = serializers.EmailField()
    roles = serializers.ListField(child=serializers.CharField())
    capabilities = serializers.ListField(child=serializers.CharField())
    hue = serializers.IntegerField()
    initials = serializers.CharField()


class ReasonShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class SmsShape(serializers.Serializer[Any]):
    state = serializers.CharField()
    detail = serializers.CharField()
    reasons = ReasonShape(many=True)
    segments = serializers.IntegerField()
    number = serializers.CharField()


class FileShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    type = serializers.CharField()
    size = serializers.IntegerField()
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)


class UploadShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    type = serializers.CharField()
    size = serializers.IntegerField()
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    expires_at = serializers.DateTimeField()


class MessageShape(serializers.Serializer[Any]):
    c = serializers.IntegerField()
    n = serializers.IntegerField()
    client_key = serializers.UUIDField()
    author = PersonShape()
    body = serializers.CharField()
    html = serializers.CharField()
    at = serializers.DateTimeField()
    attachments = FileShape(many=True)
    state = serializers.CharField()
    removal_reason = serializers.CharField()
    channel = serializers.CharField()
    seq = serializers.IntegerField()
    sms = SmsShape(allow_null=True)


class ContactBriefShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    number = serializers.CharField()
    consent = serializers.CharField()
    suppressed = serializers.BooleanField()


class ConversationShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    title = serializers.CharField()
    subtitle = serializers.CharField()
    space = serializers.IntegerField(allow_null=True)
    contact = ContactBriefShape(allow_null=True)
    head = serializers.IntegerField()
    last_at = serializers.DateTimeField()
    unread = serializers.IntegerField()
    mentions = serializers.IntegerField()
    read_n = serializers.IntegerField()
    may_post = serializers.BooleanField()
    may_manage = serializers.BooleanField()
    hue = serializers.IntegerField()
    other = serializers.IntegerField(allow_null=True)
    members = MemberShape(many=True, required=False)


class ConversationListShape(serializers.Serializer[Any]):
    results = ConversationShape(many=True)


class PeopleListShape(serializers.Serializer[Any]):
    results = PersonShape(many=True)


class MessagePageShape(serializers.Serializer[Any]):
    messages = MessageShape(many=True)
    has_more = serializers.BooleanField()
    has_newer = serializers.BooleanField()


class ReadShape(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    unread = serializers.IntegerField()


class IdShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()


class SyncShape(serializers.Serializer[Any]):
    events = serializers.ListField(child=serializers.DictField())
    heads = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))
    reset = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField()))
    limited = serializers.BooleanField()


class PreviewShape(serializers.Serializer[Any]):
    outcome = serializers.CharField()
    reasons = ReasonShape(many=True)
    segments = serializers.IntegerField()
    encoding = serializers.CharField()
    text = serializers.CharField()


class TokenShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()


class NewTokenShape(TokenShape):
    secret = serializers.CharField()


class TokenListShape(serializers.Serializer[Any]):
    results = TokenShape(many=True)


class ContactListShape(serializers.Serializer[Any]):
    results = ContactBriefShape(many=True)
