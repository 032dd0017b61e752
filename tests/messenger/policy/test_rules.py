"""The firm's rules about words: who changes them, that every change is an entry, and that they count at once."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from archive import ledger
from messenger.people.errors import Conflict, Invalid, NotAllowed, NotFound
from messenger.policy import access, actions
from messenger.policy.models import Rule
from messenger.policy.verdicts import review
from tests.cast import Cast

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


def changes() -> list[dict[str, Any]]:
    return [entry.content for entry in ledger.read_stream("system") if entry.kind == "rule.changed"]


def test_a_new_rule_counts_at_once_and_is_an_entry(cast: Cast) -> None:
    actions.add_rule("no tips", pattern="Insider  tip", effect="refuse", by=cast.carl, at=AT)
    assert review("an insider tip", rules=access.active_rules()).is_refused
    (entry,) = changes()
    assert (entry["rule"], entry["version"], entry["pattern"], entry["is_active"]) == (
        "no tips",
        1,
        "Insider  tip",
        True,
    )
    assert entry["actor"]["name"] == "Carl"


def test_a_retired_rule_counts_no_longer_and_each_change_is_a_version(cast: Cast) -> None:
    rule = actions.add_rule("no tips", pattern="insider tip", effect="refuse", by=cast.carl, at=AT)
    rule = actions.retire_rule(rule, by=cast.cora, at=AT)
    assert access.active_rules() == ()
    rule = actions.activate_rule(rule, by=cast.carl, at=AT)
    assert review("insider tip", rules=access.active_rules()).hits == ("no tips@3",)
    assert [(entry["version"], entry["is_active"]) for entry in changes()] == [(1, True), (2, False), (3, True)]


def test_doing_it_twice_changes_and_records_nothing(cast: Cast) -> None:
    rule = actions.add_rule("no tips", pattern="insider tip", effect="flag", by=cast.carl, at=AT)
    assert actions.activate_rule(rule, by=cast.carl, at=AT).version == 1
    assert len(changes()) == 1


@pytest.mark.parametrize("name", ["alice", "mona", "erin", "adam"])
def test_only_compliance_officers_change_rules_and_a_refusal_leaves_no_trace(cast: Cast, name: str) -> None:
    rule = actions.add_rule("no tips", pattern="insider tip", effect="flag", by=cast.carl, at=AT)
    person = getattr(cast, name)
    with pytest.raises(NotAllowed):
        actions.add_rule("other", pattern="words", effect="flag", by=person, at=AT)
    with pytest.raises(NotAllowed):
        actions.retire_rule(rule, by=person, at=AT)
    with pytest.raises(NotFound):
        access.access_rule(person, rule.pk)
    with pytest.raises(NotFound):
        access.rules_list(person)
    assert (Rule.objects.count(), len(changes())) == (1, 1)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"pattern": "…!"}, "pattern"),
        ({"pattern": ""}, "pattern"),
        ({"pattern": "x" * 201}, "pattern"),
        ({"effect": "delete"}, "effect"),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_stored(cast: Cast, values: dict[str, str], field: str) -> None:
    wanted = {"name": "no tips", "pattern": "insider tip", "effect": "flag"} | values
    name = wanted.pop("name")
    with pytest.raises(Invalid) as error:
        actions.add_rule(name, **wanted, by=cast.carl, at=AT)
    assert error.value.field == field
    assert Rule.objects.count() == 0


def test_two_rules_do_not_share_a_name(cast: Cast) -> None:
    actions.add_rule("no tips", pattern="insider tip", effect="flag", by=cast.carl, at=AT)
    with pytest.raises(Conflict):
        actions.add_rule("no tips", pattern="other", effect="flag", by=cast.carl, at=AT)


def test_officers_see_all_rules(cast: Cast) -> None:
    rule = actions.add_rule("no tips", pattern="insider tip", effect="flag", by=cast.carl, at=AT)
    assert access.rules_list(cast.cora) == [rule]
    assert access.access_rule(cast.cora, rule.pk) == rule


def test_reading_the_rules_costs_one_query(cast: Cast, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(5):
        actions.add_rule(f"rule {number}", pattern=f"word {number}", effect="flag", by=cast.carl, at=AT)
    with django_assert_num_queries(1):
        assert len(access.active_rules()) == 5
