"""Who may see that somebody is here: those with whom they share a conversation in which people know each other.

It must write nothing. One statement, however many people or conversations are asked for, and a second one where a
conversation has become too large for dots, or small enough.
"""

from collections import defaultdict
from collections.abc import Collection

from django.db.models import Count, Q

from messenger.conversations.models import Conversation
from messenger.spaces.models import Membership

# A larger conversation, and a broadcast space, shows nobody to anybody: there it is no news who of the firm has come,
# and a morning on which everybody comes would cost the square of their number.
MOST_MEMBERS = 100
# So many changes may be in the database, but not told yet, when it is looked whether one of them was the deciding one.
NEAR = 50


def read_circles(people: Collection[int]) -> dict[int, frozenset[int]]:
    """Return by conversation its members, for every conversation of these people that shows presence.

    Of the deactivated only those asked for: that they have gone is still to be told, and no socket shows them anything.
    """
    now = Membership.objects.filter(until_n=None).order_by()
    theirs = now.filter(person__in=people, roster__conversation__isnull=False)
    theirs = theirs.exclude(roster__conversation__kind=Conversation.BROADCAST)
    sizes = now.filter(roster__in=theirs.values("roster")).values("roster").annotate(size=Count("pk"))
    small = sizes.filter(size__range=(2, MOST_MEMBERS)).values("roster")
    rows = now.filter(Q(person__is_active=True) | Q(person__in=people), roster__in=small)
    found: dict[int, set[int]] = defaultdict(set)
    for conversation_id, person_id in rows.values_list("roster__conversation__pk", "person_id"):
        found[conversation_id].add(person_id)
    return {conversation_id: frozenset(members) for conversation_id, members in found.items()}


def read_crossed(grown: Collection[int], shrunk: Collection[int]) -> frozenset[int]:
    """Return the members of those conversations that may just have become too large to show presence, or small enough.

    For more of them than it is true for: whoever is returned is told anew, and most will be told what they know.
    """
    now = Membership.objects.filter(until_n=None).order_by()
    changed = now.filter(roster__conversation__in={*grown, *shrunk})
    changed = changed.exclude(roster__conversation__kind=Conversation.BROADCAST)
    sizes = changed.values_list("roster__conversation__pk").annotate(size=Count("pk"))
    above, below = range(MOST_MEMBERS + 1, MOST_MEMBERS + NEAR + 1), range(MOST_MEMBERS - NEAR, MOST_MEMBERS + 1)
    crossed = [pk for pk, size in sizes if (pk in grown and size in above) or (pk in shrunk and size in below)]
    if not crossed:
        return frozenset()
    return frozenset(now.filter(roster__conversation__in=crossed).values_list("person_id", flat=True))
