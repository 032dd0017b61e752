"""Which rules count now. Reads only; changing rules is in `actions`."""

from functools import lru_cache

from archive.statements import Found, Question, fetch
from messenger.people.errors import NotFound
from messenger.people.models import Person
from messenger.policy.models import Rule
from messenger.policy.verdicts import Effect, Phrase, normalise

_Row = tuple[str, int, Effect, str]


def active_rules() -> tuple[Phrase, ...]:
    """Return the rules in force, ready for `review`: one query; what is made from the rows is kept for next time."""
    return rules_from(fetch(*rules_question()))


def rules_question() -> Question:
    """Return the query of `active_rules`, for who asks more at the same time; `rules_from` reads the answer."""
    # Written out, because every post asks it: Django would compile it anew each time.
    columns, table = "name, version, effect, pattern", Rule._meta.db_table
    return Question(f"SELECT {columns} FROM {table} WHERE is_active ORDER BY name", [])  # noqa: S608 (a model's name)


def rules_from(found: Found) -> tuple[Phrase, ...]:
    return _phrases(tuple((name, version, effect, pattern) for name, version, effect, pattern in found))


@lru_cache(maxsize=4)
def _phrases(rows: tuple[_Row, ...]) -> tuple[Phrase, ...]:
    # The key is what was read, not a counter: a rolled-back change can never leave its rules behind in the cache.
    return tuple(Phrase(name, version, effect, normalise(pattern)) for name, version, effect, pattern in rows)


def rules_list(viewer: Person) -> list[Rule]:
    """Return all rules by name, for those who manage them."""
    if not viewer.can("rules.manage"):
        raise NotFound
    return list(Rule.objects.all())


def access_rule(viewer: Person, rule_id: int) -> Rule:
    """Return a rule for those who manage rules."""
    rule = Rule.objects.filter(pk=rule_id).first() if viewer.can("rules.manage") else None
    if rule is None:
        raise NotFound
    return rule
