"""Founds the invented firm and lets it talk, or talk on. The same plan in an empty store gives the same history.

Must not touch a store that holds anybody else's firm, and says in the record itself that its people are invented.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from django.utils import timezone

from archive import events, ledger
from messenger.conversations.models import Message
from messenger.people import actions
from messenger.people.models import Firm, Person
from messenger.populating.history import History, zipf
from messenger.populating.staff import draw_names, hire_all
from messenger.populating.talks import load_talks, open_talks

FIRM = "Populated & Invented"
DOMAIN = "populated.example"


class Refused(RuntimeError):
    """The store is not one to be filled; the message says why."""


@dataclass(frozen=True)
class Plan:
    """How much of everything, and the seed that decides the rest."""

    messages: int
    people: int
    conversations: int
    seed: int

    @classmethod
    def of(cls, messages: int, *, seed: int, people: int | None = None, conversations: int | None = None) -> "Plan":
        """Return a plan whose people and conversations fit so many messages, where they are not given."""
        return cls(
            messages=messages,
            people=max(3, people or min(400, max(20, messages // 1_000))),
            conversations=conversations or min(600, max(12, messages // 200)),
            seed=seed,
        )


def is_ours() -> bool:
    """Say whether the store holds the invented firm and no other."""
    return Firm.objects.filter(name=FIRM).exists()


def found(plan: Plan, *, password: str) -> None:
    """Found the firm in an empty store, hire its people and open their conversations. Raises Refused."""
    if Person.objects.exists():
        raise Refused(f"The store holds {Person.objects.count():,} people already.")
    rng, at = Random(plan.seed), timezone.now()  # noqa: S311  (an invented history, no secret)
    admin, _ = actions.found_firm(
        FIRM,
        admin_name="Adam Populated",
        admin_email=f"adam@{DOMAIN}",
        admin_password=password,
        officer_name="Cora Populated",
        officer_email=f"cora@{DOMAIN}",
        officer_password=password,
        at=at,
    )
    people = hire_all(admin, names=draw_names(rng, plan.people), domain=DOMAIN, at=at)
    open_talks(people, count=plan.conversations, rng=rng)


def talk(plan: Plan, *, told: Callable[[int], object] = lambda _: None) -> None:
    """Let the invented firm say so many messages more; `told(n)` is called after each commit. Raises Refused."""
    if not is_ours():
        raise Refused("The store does not hold the invented firm: there is nobody who could talk on.")
    before = Message.objects.count()
    _say_so(plan, before=before)
    talks = load_talks()
    rng = Random(f"{plan.seed} after {before}")  # noqa: S311  (as above)
    History(talks, weights=zipf(len(talks)), rng=rng).write(plan.messages, told=told)


@ledger.transaction()
def _say_so(plan: Plan, *, before: int) -> None:
    ledger.record(
        events.ConfigurationChanged(
            stream="system",
            actor=events.SYSTEM,
            at=timezone.now(),
            what="invented history",
            before=f"{before} messages",
            after=f"{plan.messages} messages of invented people more, from seed {plan.seed}",
        )
    )
