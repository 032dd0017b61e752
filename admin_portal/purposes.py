"""Why somebody looks: stated before the first look of a session, kept in every entry that a look leaves.

A purpose opens nothing by itself; what a person may do is decided in `access`.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from admin_portal.models import Purpose
from messenger.people.errors import Invalid, NotFound
from messenger.people.models import Person, SignInSession

SHORTEST, LONGEST = 5, 300
LONGEST_CASE = 60
VALID_FOR = timedelta(hours=4)


def clean_purpose(text: str, *, longest: int = LONGEST + LONGEST_CASE + 3) -> str:
    """Return the purpose as it is kept; raises Invalid with what is allowed."""
    text = " ".join(text.split())
    if not SHORTEST <= len(text) <= longest or "\x00" in text:
        raise Invalid("purpose", f"Say why you look, in {SHORTEST} to {longest} characters of text.")
    return text


def state_purpose(
    person: Person, *, session: SignInSession, text: str, case_reference: str = "", at: datetime | None = None
) -> Purpose:
    """Keep the purpose for this sign-in session; it holds for four hours or until another one is stated."""
    if session.person_id != person.pk or session.ended_at is not None:
        raise NotFound
    at = at or timezone.now()
    case_reference = " ".join(case_reference.split())
    if len(case_reference) > LONGEST_CASE:
        raise Invalid("case_reference", f"The case reference is at most {LONGEST_CASE} characters.")
    return Purpose.objects.create(
        person=person,
        session=session,
        text=clean_purpose(text, longest=LONGEST),
        case_reference=case_reference,
        stated_at=at,
        expires_at=at + VALID_FOR,
    )


def current_purpose(person: Person, *, session: SignInSession | None, at: datetime | None = None) -> Purpose | None:
    """Return the purpose that holds in this session now, or None: then nothing of the record is shown."""
    if session is None:
        return None
    rows = Purpose.objects.filter(person=person, session=session, expires_at__gt=at or timezone.now())
    return rows.first()
