"""Change the firm's rules about words: one action, one transaction, one entry. Must not judge any text."""

from datetime import datetime

from archive import events, ledger
from messenger.people.errors import Conflict, Invalid
from messenger.people.models import Person
from messenger.people.standing import acting
from messenger.policy.models import Rule
from messenger.policy.verdicts import normalise

NAME_LENGTH, PATTERN_LENGTH = 80, 200


@ledger.transaction()
def add_rule(name: str, *, pattern: str, effect: str, by: Person, at: datetime) -> Rule:
    """Add a rule that counts from now on. Raises NotAllowed, Invalid naming the field, Conflict for a taken name."""
    by = acting(by, "rules.manage")
    name, pattern = name.strip(), pattern.strip()
    if not 0 < len(name) <= NAME_LENGTH:
        raise Invalid("name", f"A rule needs a name of at most {NAME_LENGTH} characters.")
    if not normalise(pattern) or len(pattern) > PATTERN_LENGTH:
        raise Invalid("pattern", f"A rule needs words to look for, of at most {PATTERN_LENGTH} characters.")
    if effect not in Rule.Effect.values:
        raise Invalid("effect", f"The effect is one of: {', '.join(Rule.Effect.values)}.")
    if Rule.objects.filter(name=name).exists():
        raise Conflict("name", "There is a rule of this name already.")
    rule = Rule(name=name, pattern=pattern, effect=effect, created_at=at, updated_at=at)
    ledger.record(_changed(rule, by=by, at=at))
    rule.save()
    return rule


@ledger.transaction()
def activate_rule(rule: Rule, *, by: Person, at: datetime) -> Rule:
    """Let the rule count again. Harmless when it does already."""
    return _set_active(rule, is_active=True, by=by, at=at)


@ledger.transaction()
def retire_rule(rule: Rule, *, by: Person, at: datetime) -> Rule:
    """Let the rule count no longer; it stays, with its history. Harmless when it is retired already."""
    return _set_active(rule, is_active=False, by=by, at=at)


def _set_active(rule: Rule, *, is_active: bool, by: Person, at: datetime) -> Rule:
    by = acting(by, "rules.manage")
    # Locked, so that two changes at once get two versions.
    rule = Rule.objects.select_for_update().get(pk=rule.pk)
    if rule.is_active == is_active:
        return rule
    rule.is_active, rule.version, rule.updated_at = is_active, rule.version + 1, at
    ledger.record(_changed(rule, by=by, at=at))
    rule.save(update_fields=["is_active", "version", "updated_at"])
    return rule


def _changed(rule: Rule, *, by: Person, at: datetime) -> events.RuleChanged:
    return events.RuleChanged(
        stream="system",
        actor=by.as_actor(),
        at=at,
        rule=rule.name,
        version=rule.version,
        pattern=rule.pattern,
        effect=rule.effect,
        is_active=rule.is_active,
    )
