"""All rows of the matrix, in the parts in which they are asked."""

from typing import Final

from tests.security import rows_chat, rows_desk, rows_people
from tests.security.rows import Row

PARTS: Final[dict[str, list[Row]]] = {
    "calls of the chat": [*rows_chat.CALLS, *rows_chat.FILES, *rows_chat.TEXTS],
    "pages of the chat": [*rows_chat.PAGES, *rows_chat.PHONES],
    "people": rows_people.ROWS,
    "desk": rows_desk.ROWS,
}
ROWS: Final = [row for rows in PARTS.values() for row in rows]
