"""The words for states of consent and of a text, and how a text's states may follow each other. Pure: no Django."""

CONSENT_EVENTS = ("grant", "revoke")
CONSENT_STATES = ("none", "granted", "suppressed")
CONSENT_BASES = (
    "inbound_conversation",
    "express",
    "express_written",
    "ebr_purchase",
    "ebr_inquiry",
    "soft_opt_in",
    "contract",
)
MESSAGE_CLASSES = ("conversational", "informational", "promotional", "confirmation", "emergency")
CONSENT_SCOPES = ("sender", "programme", "organisation")

FINAL_STATES = frozenset({"delivered", "undelivered", "failed", "expired", "rejected", "cancelled", "refused"})
NEVER_SENT = frozenset({"failed", "rejected", "cancelled", "refused"})
# A text only climbs: a late "sent" after "delivered" is kept and not applied. Final states do not replace each other.
# Doubt stands beside "submitted": any word of the carrier resolves it, nothing of ours does.
RANK = {
    "queued": 0,
    "submitting": 1,
    "in_doubt": 2,
    "submitted": 3,
    "accepted": 4,
    "sending": 5,
    "sent": 6,
    **dict.fromkeys(sorted(FINAL_STATES), 7),
}
ATTEMPT_STATES = tuple(RANK)


def join(state: str, reported: str) -> str:
    """Return the state after a carrier's report: the higher of the two, and the first of two final ones."""
    return reported if RANK[reported] > RANK[state] else state
