"""In which order the hub reads conversations when there are more than one round takes."""

from dataclasses import replace

import pytest

from messenger.delivery import hub as hub_module
from messenger.delivery.line import Line
from messenger.delivery.outlets import QueuedOutlet
from messenger.delivery.reading import Batch, Start, Stay, Want
from tests.messenger.delivery.stage import ALICE, Office, Phone, in_office


def test_conversations_take_turns_and_one_with_much_to_read_waits_behind_all_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Conversation 1 has five events, the others one each; a round takes two conversations and one event of each."""
    monkeypatch.setattr(hub_module, "MOST_AT_ONCE", 2)

    async def scene(office: Office) -> None:
        working, rounds = office.hub.source, []

        async def fetch(want: Want) -> Batch:
            batch = await working.fetch(want)
            heads = {c: 5 if c == 1 else 1 for c in want.starts}
            frames = {c: [(n + 1, b"%d" % (10 * c + n + 1))] for c, n in want.starts.items() if n < heads[c]}
            rounds.append(sorted(want.starts))
            limited = frozenset(c for c, n in want.starts.items() if n + 1 < heads[c])
            return replace(batch, frames=frames, limited=limited)

        office.hub.source = replace(working, fetch=fetch)
        phone = Phone()
        line = Line(person_id=ALICE, session_id=ALICE, outlet=QueuedOutlet(phone.take), close=phone.hang_up)
        await office.hub.join(line)
        starts = {c: Start(cursor=0, head=5, stay=Stay(1, 1)) for c in (1, 2, 3, 4, 5)}
        office.hub.follow(line, starts)
        await office.wait_until(lambda: len(phone.heard) == 9)
        assert rounds[:3] == [[1, 2], [3, 4], [1, 5]]
        assert sorted(phone.heard) == [11, 12, 13, 14, 15, 21, 31, 41, 51]
        assert [n for n in phone.heard if n < 20] == [11, 12, 13, 14, 15]
        await office.breathe()
        assert rounds[3:6] == [[1], [1], [1]]

    in_office(scene)
