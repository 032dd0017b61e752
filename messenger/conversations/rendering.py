"""Messages rendered again from the record, after a new renderer turns the same words into other HTML.

Danger: it writes what every reader's page shows. So it takes the words from the sealed entry, never from the row, and
leaves a row alone whose words are not those of its entry, or whose entry does not open: the check names such a row. A
row that was disposed of meanwhile stays empty: rows are read again under the record's lock.
"""

from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version

from django.db.models import QuerySet

from archive import ledger
from archive.events import SYSTEM, ConfigurationChanged
from messenger.conversations.markup import render_body
from messenger.conversations.models import Message

AT_ONCE = 500  # rows of one commit, and of one entry about it


def count_outdated() -> int:
    """Return how many messages would be rendered otherwise today."""
    return sum(len(found) for found in _outdated())


def render_again(*, at: datetime) -> int:
    """Render every such message from its entry; return how many were written. Safe to call again.

    Each portion is one commit with an entry `configuration.changed` about it. Raises KeyMissing, ForeignRecord.
    """
    return sum(_render(seqs, at=at) for seqs in _outdated())


def _outdated() -> Iterator[list[int]]:
    """Yield the entries of rows to write, in portions."""
    after = -1
    while rows := list(_rows().filter(seq__gt=after).order_by("seq")[:AT_ONCE]):
        after = rows[-1].seq
        if found := [row.seq for row in rows if _html_now(row) not in (None, row.html)]:
            yield found


def _render(seqs: list[int], *, at: datetime) -> int:
    with ledger.transaction():
        rows = list(_rows().filter(seq__in=seqs).order_by("seq"))
        outdated = [(row, html) for row in rows if (html := _html_now(row)) not in (None, row.html)]
        if not outdated:
            return 0
        first, last = outdated[0][0].seq, outdated[-1][0].seq
        ledger.record(
            ConfigurationChanged(
                stream="system",
                actor=SYSTEM,
                at=at,
                what="rendering of messages",
                before=f"{len(outdated)} messages of the entries {first} to {last} as an earlier renderer made them",
                after=_renderer(),
            )
        )
        for row, html in outdated:
            Message.objects.filter(pk=row.pk).update(html=html)
    return len(outdated)


def _rows() -> QuerySet[Message]:
    return Message.objects.filter(is_disposed=False)


def _html_now(row: Message) -> str | None:
    """Return the HTML of the words in the row's entry, None where row and entry do not have the same words."""
    try:
        body = ledger.open_entry(row.seq).content.get("body")
    except (ledger.EntryNotFound, ledger.KeyMissing, ledger.NotOpened):
        return None
    return render_body(body) if isinstance(body, str) and body == row.body else None


def _renderer() -> str:
    return ", ".join(f"{name} {version(name)}" for name in ("markdown-it-py", "nh3"))
