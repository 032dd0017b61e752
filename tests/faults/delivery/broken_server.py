"""`manage.py serve` with one defect, for controls: a rig that finds nothing wrong with this has shown nothing.

Arguments: the name of the defect, then those of manage.py. Must never be imported by the product.
"""

import json
import os
import sys
from collections.abc import Callable

import django
from django.core.management import execute_from_command_line

os.environ["DJANGO_SETTINGS_MODULE"] = "messenger.settings"
django.setup()

from messenger.conversations import posting  # noqa: E402  (settings are read by the set-up above)
from messenger.delivery import hub  # noqa: E402  (settings are read by the set-up above)
from messenger.delivery.audience import Audience  # noqa: E402
from messenger.delivery.line import Line  # noqa: E402
from messenger.delivery.parcels import Shipment  # noqa: E402
from messenger.delivery.reading import Stay  # noqa: E402
from messenger.web import frames_in  # noqa: E402


def never_re_read() -> None:
    """The hub trusts the bus: what no wake-up tells is not looked for."""
    hub.SWEEP_S = 1e9


def never_revoke() -> None:
    """The hub does not ask who may still read."""
    hand_over, for_ever = Audience._hand_over, Stay(membership=0, from_n=1)

    def deliver(self: Audience, line: Line, conversation_id: int, shipment: Shipment, stay: Stay | None) -> int:
        return hand_over(self, line, conversation_id, shipment, for_ever)

    Audience._hand_over = deliver  # type: ignore[method-assign]  # that is the defect
    hub.Hub._revoke = lambda *_: None  # type: ignore[method-assign]


def never_look_again() -> None:
    """A post is written however its session or token stands by then."""
    posting.open_doors = lambda doors, *_, **__: frozenset(doors)  # type: ignore[attr-defined]  # that is the defect


def believe_every_frame() -> None:
    """Frames are taken as they come."""
    frames_in.parse = json.loads  # type: ignore[assignment]  # that is the defect


DEFECTS: dict[str, Callable[[], None]] = {
    "never-re-read": never_re_read,
    "never-revoke": never_revoke,
    "never-look-again": never_look_again,
    "believe-every-frame": believe_every_frame,
}


if __name__ == "__main__":
    DEFECTS[sys.argv[1]]()
    execute_from_command_line(["manage.py", *sys.argv[2:]])
