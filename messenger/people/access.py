"""The only way to get a person, a contact, a session, … for somebody. Absent and forbidden raise the same NotFound."""

from datetime import datetime
from typing import Final, TypeVar

from django.db.models import Case, Prefetch, Q, QuerySet, Value, When
from django.db.models.functions import Left, StrIndex

from messenger.people.errors import NotFound
from messenger.people.joining import open_invitation
from messenger.people.models import ApiToken, Contact, Grant, Invitation, Person, RoleRequest, SignInSession
from messenger.people.sessions import live_sessions

PAGE: Final = 50
Row = TypeVar("Row")


def access_person(viewer: Person, person_id: int) -> Person:
    """Return a person. Who left is seen by those who manage people or work at the portal only."""
    return _found(_visible_people(viewer).filter(pk=person_id).first())


def access_colleague(viewer: Person, person_id: int) -> Person:
    """Return an active employee whom the viewer may talk to."""
    return _found(_colleagues(viewer).filter(pk=person_id).first())


def people_list(viewer: Person, q: str = "", *, limit: int = PAGE) -> list[Person]:
    """Return active colleagues by name, at most `limit`; `q` is part of a name, or of an address before the @."""
    return list(_named(_colleagues(viewer), q)[:limit])


def directory(viewer: Person, q: str = "", *, offset: int = 0, limit: int = PAGE) -> list[Person]:
    """Return everybody, also who left, with the roles they hold, for those who manage people."""
    if not viewer.can("people.manage"):
        raise NotFound
    open_grants = Prefetch("grants", queryset=Grant.objects.filter(ended_at=None), to_attr="open_grants")
    return list(_named(Person.objects.prefetch_related(open_grants), q)[offset : offset + limit])


def access_contact(viewer: Person, contact_id: int) -> Contact:
    return _found(_visible_contacts(viewer).filter(pk=contact_id).first())


def contacts_list(viewer: Person, q: str = "", *, limit: int = PAGE) -> list[Contact]:
    """Return contacts by name, at most `limit`; `q` is part of a name or a number."""
    part = _searchable(q)
    return list(_visible_contacts(viewer).filter(Q(name__icontains=part) | Q(number__contains=part))[:limit])


def access_role_request(viewer: Person, request_id: int) -> RoleRequest:
    """Return a request for those who take part in granting: who may ask and who may decide."""
    return _found(_role_requests(viewer).filter(pk=request_id).first())


def waiting_role_requests(viewer: Person, *, limit: int = PAGE) -> list[RoleRequest]:
    return list(_role_requests(viewer).filter(state=RoleRequest.WAITING)[:limit])


def role_requests_for(viewer: Person, person: Person) -> list[RoleRequest]:
    """Return the waiting requests about one person."""
    return list(_role_requests(viewer).filter(state=RoleRequest.WAITING, person=person))


def pending_invitations(viewer: Person, *, at: datetime, limit: int = PAGE) -> list[Invitation]:
    """Return the invitations that still open, newest first, for those who manage people."""
    if not viewer.can("people.manage"):
        raise NotFound
    return list(Invitation.objects.filter(accepted_at=None, expires_at__gt=at)[:limit])


def access_invitation(secret: str, *, at: datetime) -> Invitation:
    """Return the invitation that the secret opens; it needs no viewer, the secret is the right to see it."""
    return open_invitation(secret, at=at)


def access_session(viewer: Person, session_id: int) -> SignInSession:
    """Return one of the viewer's own open sessions."""
    return _found(live_sessions(viewer).filter(pk=session_id).first())


def access_token(viewer: Person, token_id: int) -> ApiToken:
    """Return one of the viewer's own tokens that still works."""
    return _found(viewer.api_tokens.filter(pk=token_id, revoked_at=None).first())


def open_tokens(viewer: Person) -> list[ApiToken]:
    """Return the viewer's own tokens that work, newest first."""
    return list(viewer.api_tokens.filter(revoked_at=None))


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound
    return row


def _visible_people(viewer: Person) -> QuerySet[Person]:
    if viewer.can("people.manage") or viewer.can("portal"):
        return Person.objects.all()
    return Person.objects.filter(is_active=True) if viewer.can("chat") else Person.objects.none()


def _colleagues(viewer: Person) -> QuerySet[Person]:
    return Person.objects.filter(is_active=True, is_examiner=False) if viewer.can("chat") else Person.objects.none()


def _visible_contacts(viewer: Person) -> QuerySet[Contact]:
    return Contact.objects.all() if viewer.can("chat") or viewer.can("record.search") else Contact.objects.none()


def _role_requests(viewer: Person) -> QuerySet[RoleRequest]:
    if not (viewer.can("roles.request") or viewer.can("roles.approve")):
        return RoleRequest.objects.none()
    return RoleRequest.objects.select_related("person", "asked_by")


def _named(people: QuerySet[Person], q: str) -> QuerySet[Person]:
    """Return those whose name, or address before the @, has the words in it; names that begin with them come first.

    The firm's own domain is in everybody's address and would find everybody. Words with an @ are an address' beginning.
    """
    part = _searchable(q)
    if not part:
        return people
    local = Left("email", StrIndex("email", Value("@")) - 1)
    by_address = Q(email__istartswith=part) if "@" in part else Q(local__icontains=part)
    found = people.alias(local=local).filter(Q(name__icontains=part) | by_address)
    return found.order_by(Case(When(name__istartswith=part, then=0), default=1), "name", "id")


def _searchable(q: str) -> str:
    """Return what of `q` can stand in a name or number: PostgreSQL takes no NUL, not even to look for it."""
    return q.replace("\0", "")
