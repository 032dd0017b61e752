"""Hold on to a claimed row while its work takes long. It must run in the work itself, and so end with it."""

import time
from typing import Any

from django.utils import timezone

from archive.outbox.boxes import Outbox
from archive.outbox.rows import Leased


class Hold:
    """Renews the lease of one row now and then, as often as the work says that it goes on."""

    def __init__(self, box: Outbox[Any], row: Leased, *, every_s: float) -> None:  # Any: of whichever rows
        self._box, self._row, self._every_s = box, row, every_s
        self._renewed_at = time.monotonic()

    def go_on(self, **fields: object) -> None:
        """Renew the lease if it is time to, and write down how far the work is. Raises LeaseLost."""
        if time.monotonic() - self._renewed_at >= self._every_s:
            self._renewed_at = time.monotonic()
            self._box.renew(self._row, at=timezone.now(), **fields)
