"""Gathers the rooms' models for Django; holds none of its own."""

from messenger.conversations.models import (
    Conversation,
    Mention,
    Message,
    MessageReport,
    ReadMarker,
    RefusedPost,
    StreamEvent,
)
from messenger.people.models import (
    ApiToken,
    Contact,
    Firm,
    Grant,
    Invitation,
    Person,
    Revocation,
    RoleRequest,
    SignInSession,
)
from messenger.policy.models import Rule
from messenger.sms.models import *  # noqa: F403
from messenger.spaces.models import Membership, Roster, Space

__all__ = [
    "ApiToken",
    "Contact",
    "Conversation",
    "Firm",
    "Grant",
    "Invitation",
    "Membership",
    "Mention",
    "Message",
    "MessageReport",
    "Person",
    "ReadMarker",
    "RefusedPost",
    "Revocation",
    "RoleRequest",
    "Roster",
    "Rule",
    "SignInSession",
    "Space",
    "StreamEvent",
]
