"""Who may see that somebody is here: those with whom they share a conversation in which people know each other.

It must write nothing. One statement, however many people are asked for.
"""

from collections import defaultdict
from collections.abc import Collection

from django.db.models import Count, Q

from messenger.conversations.models import Conversation
from messenger.spaces.models import Membership

# A larger conversation, and a broadcast space, shows nobody to anybody: there it is no news who of the firm has come,
# and a morning on which everybody comes would cost the square of their number.
MOST_MEMBERS = 100


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
