"""What the API takes: every field checked and named. Content rules are the actions', not these."""

from typing import Any

from rest_framework import serializers

MAX_NUMBER = 2**53 - 1  # what JSON's readers agree on; a number over 2^63 breaks the query that looks for it


class PostSerializer(serializers.Serializer[Any]):
    client_key = serializers.UUIDField()
    body = serializers.CharField(trim_whitespace=False, allow_blank=True, max_length=100_000)
    attachments = serializers.ListField(child=serializers.UUIDField(), default=list, max_length=10)


class ReadSerializer(serializers.Serializer[Any]):
    n = serializers.IntegerField(min_value=0, max_value=MAX_NUMBER)


class OpenConversationSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["direct", "group", "team", "broadcast", "client"])
    people = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_NUMBER), default=list, max_length=5_000
    )
    title = serializers.CharField(default="", allow_blank=True, max_length=80)
    purpose = serializers.CharField(default="", allow_blank=True, max_length=200)
    contact = serializers.IntegerField(default=None, allow_null=True, min_value=1, max_value=MAX_NUMBER)


class MemberSerializer(serializers.Serializer[Any]):
    person = serializers.IntegerField(min_value=1, max_value=MAX_NUMBER)


class ReportSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=20)
    comment = serializers.CharField(default="", allow_blank=True, max_length=1000)


class ContactSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    number = serializers.CharField(max_length=40)
    time_zone = serializers.CharField(default="", allow_blank=True, max_length=64)


class ConsentSerializer(serializers.Serializer[Any]):
    basis = serializers.CharField(max_length=24)
    message_class = serializers.CharField(default="conversational", max_length=16)
    scope = serializers.CharField(default="organisation", max_length=12)
    evidence = serializers.CharField(max_length=2_000)


class RevocationSerializer(serializers.Serializer[Any]):
    channel = serializers.CharField(max_length=16)
    words_used = serializers.CharField(default="", allow_blank=True, max_length=500)


class PreviewSerializer(serializers.Serializer[Any]):
    conversation = serializers.IntegerField(min_value=1, max_value=MAX_NUMBER)
    body = serializers.CharField(trim_whitespace=False, allow_blank=True, max_length=20_000)


class TokenSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=60)
