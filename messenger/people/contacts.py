"""Outside people with a phone. Whether they may be texted is not decided here (sms/)."""

from datetime import datetime

from django.db import IntegrityError
from django.utils import timezone

from archive import events, ledger
from messenger.people.checks import TYPED_LENGTH, clean_line, clean_name, clean_number, clean_time_zone
from messenger.people.errors import Conflict
from messenger.people.models import Contact, Person
from messenger.people.standing import acting


def add_contact(by: Person, *, name: str, number: str, time_zone: str = "", at: datetime | None = None) -> Contact:
    """Add an outside person. Raises NotAllowed, Invalid (field) and Conflict("number") that says whose it is."""
    cleaned = {
        "name": clean_name(name),
        "number": clean_number(number),
        "typed": clean_line(number, field="number", length=TYPED_LENGTH),
        "time_zone": clean_time_zone(time_zone),
    }
    try:
        return _add(by, cleaned=cleaned, at=at or timezone.now())
    except IntegrityError as error:
        raise _taken(Contact.objects.get(number=cleaned["number"])) from error


@ledger.transaction()
def _add(by: Person, *, cleaned: dict[str, str], at: datetime) -> Contact:
    by = acting(by, "chat")
    known = Contact.objects.filter(number=cleaned["number"]).first()
    if known is not None:
        raise _taken(known)
    contact = Contact.objects.create(**cleaned, added_by=by, added_at=at)
    ledger.record(
        events.ContactAdded(
            stream=f"contact:{contact.pk}",
            actor=by.as_actor(),
            at=at,
            name=contact.name,
            number=contact.number,
            typed=contact.typed,
        )
    )
    return contact


def _taken(known: Contact) -> Conflict:
    return Conflict("number", f"{known.name} has this number already.")
