"""What somebody may do at the very moment they do it: re-read inside the transaction that acts.

A row loaded at the start of a request may be older than a deactivation or a demotion; actions never trust it.
Every action here opens `ledger.transaction()`, which holds the record's head from the beginning: what is read after it
cannot change before the commit, so no row needs a lock of its own.
"""

from collections.abc import Iterable

from messenger.people.errors import NotAllowed
from messenger.people.models import Person


def as_now(people: Iterable[Person]) -> dict[int, Person]:
    """Return the rows as they are now, by id; call inside `ledger.transaction()`."""
    return Person.objects.in_bulk({person.pk for person in people})


def require(person: Person, capability: str) -> Person:
    """Return the person if they may; raise NotAllowed otherwise. The row must come from `as_now`."""
    if not person.can(capability):
        raise NotAllowed
    return person


def acting(by: Person, capability: str) -> Person:
    """Return the row of the person who acts, found to hold the capability now."""
    return require(as_now([by])[by.pk], capability)
