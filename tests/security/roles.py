"""Everybody who may knock, by what they are to the objects of the world. Names only; world.py says who they are."""

from typing import Final

# Whom the product knows no more, or never did.
NOBODY: Final = "anonymous deactivated ended revoked"
# Everybody who may chat. `member` belongs to every conversation but the unclaimed one, `owner` owns the spaces,
# `former` was a member of them all, `stranger` never was.
CHATTERS: Final = "member stranger former owner reviewer officer second administrator"
SIGNED_IN: Final = f"{CHATTERS} examiner"
OFFICERS: Final = "officer second"
READERS: Final = f"{OFFICERS} examiner"  # of the record
TENDERS: Final = f"{OFFICERS} administrator"  # of work that was parked
JUDGES: Final = f"reviewer {OFFICERS}"  # of reported messages
# At the API a personal token stands for its person; a page knows nobody by a token.
CALLERS: Final = f"{SIGNED_IN} token"
TEXTERS: Final = f"{CHATTERS} token"
# An administrator chats, but takes no thread in which a client has written already.
TAKERS: Final = CHATTERS.removesuffix(" administrator")
EVERYBODY: Final = f"{CALLERS} {NOBODY}"

ROLES: Final = tuple(EVERYBODY.split())
# Whoever opens a page with these is asked to sign in.
PAGELESS: Final = frozenset(f"{NOBODY} token".split())
TOKENS: Final = frozenset({"token", "revoked"})
