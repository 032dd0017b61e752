"""What every act has to meet under the head's lock: asked before each, in the context of who acts."""

from collections.abc import Iterator
from contextvars import ContextVar
from functools import partial

import pytest
from django.db import transaction

from archive import ledger
from archive.ledger import conditions
from archive.ledger.page import open_page
from archive.models import Leaf
from tests.archive.grouping import bodies, outcomes, say
from tests.archive.samples import said

pytestmark = pytest.mark.django_db(transaction=True)
WHO: ContextVar[str] = ContextVar("who", default="")


class Unwelcome(Exception):
    """The condition is not met."""


def refuse_mallory() -> None:
    assert open_page() is not None, "the head is not locked yet"
    if WHO.get() == "mallory":
        raise Unwelcome


@pytest.fixture(autouse=True)
def condition() -> Iterator[None]:
    ledger.register_condition("not mallory", refuse_mallory)
    yield
    del conditions._registered["not mallory"]


def acting_as(name: str, body: str) -> ledger.Receipt:
    WHO.set(name)
    return say(body)


def test_in_a_group_only_whoever_does_not_meet_it_is_refused() -> None:
    names = ("mallory", "alice", "mallory", "bob")
    found = outcomes([partial(acting_as, name, f"by {name}") for name in names])
    assert [type(one) for one in found] == [Unwelcome, ledger.Receipt, Unwelcome, ledger.Receipt]
    assert bodies() == ["by alice", "by bob"]


def test_it_holds_for_a_transaction_of_the_record_and_for_an_entry_outside_of_one() -> None:
    WHO.set("mallory")
    with pytest.raises(Unwelcome), ledger.transaction():
        ledger.record(said("in a transaction"))
    with pytest.raises(Unwelcome), transaction.atomic():
        ledger.record(said("outside of one"))
    assert not Leaf.objects.exists()
    WHO.set("alice")
    with ledger.transaction():
        ledger.record(said("in a transaction"))
    with transaction.atomic():
        ledger.record(said("outside of one"))
    assert bodies() == ["in a transaction", "outside of one"]
