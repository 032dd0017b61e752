"""Roles and what each may do. Pure: no database, no Django.

Everybody active may chat, except the examiner, who only reads. The administrator has no capability that shows content.
"""

from typing import Final

EMPLOYEE: Final = "employee"
REVIEWER: Final = "reviewer"
OFFICER: Final = "officer"
EXAMINER: Final = "examiner"
ADMINISTRATOR: Final = "administrator"

ROLE_NAMES: Final[dict[str, str]] = {
    EMPLOYEE: "Employee",
    REVIEWER: "Reviewer",
    OFFICER: "Compliance officer",
    EXAMINER: "Examiner",
    ADMINISTRATOR: "Administrator",
}

CAPABILITIES: Final[dict[str, frozenset[str]]] = {
    EMPLOYEE: frozenset({"chat", "report", "threads.take"}),
    REVIEWER: frozenset({"portal", "reports.view", "reports.decide"}),
    OFFICER: frozenset(
        {
            "portal",
            "record.search",
            "record.open",
            "record.status",
            "alarms.acknowledge",
            "outboxes.manage",
            "reports.view",
            "reports.decide",
            "exports.request",
            "exports.approve",
            "exports.download",
            "rules.manage",
            "roles.approve",
        }
    ),
    EXAMINER: frozenset({"portal", "record.search", "record.open", "record.status"}),
    ADMINISTRATOR: frozenset(
        {"portal", "people.manage", "roles.request", "roles.approve", "health.view", "outboxes.manage"}
    ),
}

# Granted to nobody by one person alone: asked for by one, approved by another who is not the beneficiary.
PRIVILEGED_ROLES: Final = frozenset({REVIEWER, OFFICER, EXAMINER, ADMINISTRATOR})


# What a role takes away, whatever else somebody is: a client's thread that nobody holds is content of others.
WITHHELD: Final[dict[str, frozenset[str]]] = {ADMINISTRATOR: frozenset({"threads.take"})}


def capabilities_of(roles: frozenset[str]) -> frozenset[str]:
    """Return everything that somebody with these roles may do."""
    granted = frozenset[str]().union(*(CAPABILITIES[role] for role in roles))
    return granted.difference(*(WITHHELD.get(role, frozenset()) for role in roles))
