"""What somebody may do at the very moment they do it: re-read under lock, inside the transaction that acts.

A row loaded at the start of a request may be older than a deactivation or a demotion; actions never trust it.
Locks are taken on people in id order, before any other lock; the record's head is locked last.
"""

from collections.abc import Iterable

from messenger.people.errors import NotAllowed
from messenger.people.models import Person


def locked(people: Iterable[Person]) -> dict[int, Person]:
    """Return the rows as they are now, by id, locked until the transaction ends.

    The lock leaves the key free (NO KEY UPDATE), so that rows which only refer to a person need not wait.
    """
    ids = {person.pk for person in people}
    return Person.objects.select_for_update(no_key=True).order_by("pk").in_bulk(ids)


def require(person: Person, capability: str) -> Person:
    """Return the person if they may; raise NotAllowed otherwise. The row must come from `locked`."""
    if not person.can(capability):
        raise NotAllowed
    return person


def acting(by: Person, capability: str) -> Person:
    """Return the row of the person who acts, locked and found to hold the capability now."""
    return require(locked([by])[by.pk], capability)
