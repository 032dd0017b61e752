"""What every page knows: the firm, the build, and who is signed in. Nothing about conversations."""

from typing import Any

from django.http import HttpRequest

from messenger.people.models import Firm, Person
from messenger.web.build import BUILD_ID


def firm(request: HttpRequest) -> dict[str, Any]:
    """Return `firm`, `build` and, for a signed-in person, `me` (as `GET me` of the API)."""
    context: dict[str, Any] = {"firm": Firm.objects.first(), "build": BUILD_ID}
    # A request that failed early, before anybody was looked for, has no user.
    person = getattr(request, "user", None)
    if isinstance(person, Person):
        context["me"] = about_me(person)
    return context


def about_me(person: Person) -> dict[str, Any]:
    """Return the signed-in person as the page and the API describe them to themselves."""
    return {
        "id": person.pk,
        "name": person.name,
        "email": person.email,
        "roles": sorted(person.roles),
        "capabilities": sorted(person.capabilities),
        "hue": person.hue,
        "initials": person.initials,
    }
