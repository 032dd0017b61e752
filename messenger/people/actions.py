"""Everything that changes people, in one place to import from: each is one transaction and one act in the record.

The actions themselves live beside this file, by subject. Nothing else may write the rows of `people.models`.
"""

from messenger.people.contacts import add_contact
from messenger.people.errors import AlreadyFounded
from messenger.people.firm import found_firm, is_founded
from messenger.people.granting import grant_role, refuse_role, request_role, revoke_role
from messenger.people.joining import accept_invitation, deactivate, invite, reactivate
from messenger.people.sessions import (
    change_password,
    end_other_sessions,
    end_session,
    live_session,
    live_sessions,
    move_session,
    record_refused_sign_in,
    session_is_live,
    start_session,
)
from messenger.people.tokens import create_token, live_token, person_for_token, revoke_token

__all__ = [
    "AlreadyFounded",
    "accept_invitation",
    "add_contact",
    "change_password",
    "create_token",
    "deactivate",
    "end_other_sessions",
    "end_session",
    "found_firm",
    "grant_role",
    "invite",
    "is_founded",
    "live_session",
    "live_sessions",
    "live_token",
    "move_session",
    "person_for_token",
    "reactivate",
    "record_refused_sign_in",
    "refuse_role",
    "request_role",
    "revoke_role",
    "revoke_token",
    "session_is_live",
    "start_session",
]
