"""Attacks that leave a record which agrees with itself: cut back, restored, rewritten and signed again, forked.

No check of the store alone can find them; a checkpoint that left the house before does. Kinds 3 to 6.
"""

from archive import ledger
from tests.faults.tampering.attack import Dice, Done
from tests.faults.tampering.history import History, empty_record, grow, restore_dump


class Rewrites:
    """The attacks over one history. `notes` are what outsiders hold: the newest is compared after each attack."""

    def __init__(self, history: History) -> None:
        self._history = history
        self.brought = history.notes[history.size]  # the note that the outsider compares with

    def cut_the_tail(self, dice: Dice, size: int) -> Done:
        """Cut entries, tiles, checkpoints, streams and head back to an older size, consistently."""
        self.brought = self._history.notes[size]
        kept = dice.choice([known for known in self._history.dumps if known < size])
        restore_dump(self._history.dumps[kept])
        return Done(f"the record cut back from {size} to {kept} entries")

    def restore_an_old_dump(self, dice: Dice, size: int) -> Done:
        """Restore an old dump and go on from there, until the record is as long as before or longer."""
        self.brought = self._history.notes[size]
        kept = dice.choice([known for known in self._history.dumps if known < size])
        longer = size + dice.randrange(3)
        restore_dump(self._history.dumps[kept])
        grow(dice, size=longer, start=kept)
        return Done(f"a dump of {kept} entries restored, and {longer - kept} others appended")

    def rewrite_and_sign_again(self, dice: Dice, size: int) -> Done:
        """Write the whole record anew with other words, signed with the firm's own log key."""
        self.brought = self._history.notes[dice.randrange(size // 2, size + 1)]
        empty_record()
        grow(dice, size=size)
        return Done(f"{size} entries rewritten and signed again with the log key")

    def show_a_fork(self, dice: Dice, size: int) -> Done:
        """Show one future of the record to one party, and keep another."""
        kept = dice.choice([known for known in self._history.dumps if known < size])
        restore_dump(self._history.dumps[kept])
        grow(dice, size=kept + 2, start=kept)
        self.brought = ledger.latest_checkpoint().note  # what the other party was shown
        restore_dump(self._history.dumps[kept])
        grow(dice, size=kept + 2 + dice.randrange(2), start=kept)
        return Done(f"a fork after {kept} entries shown to two parties")
