"""The outboxes of this installation, for a page and the metrics that show all of them. Each room registers its own."""

from typing import Any

from archive.outbox.boxes import Outbox

_boxes: dict[str, Outbox[Any]] = {}  # Any: of whichever rows


def register(box: Outbox[Any]) -> None:  # Any: as above
    _boxes[box.name] = box


def registered() -> list[Outbox[Any]]:  # Any: as above
    """Return every outbox, by name."""
    return [_boxes[name] for name in sorted(_boxes)]


def task_of(name: str) -> str:
    """Return the task that looks through this outbox; "" for one that is not known here."""
    box = outbox_named(name)
    return box.task if box else ""


def outbox_named(name: str) -> Outbox[Any] | None:  # Any: as above
    return _boxes.get(name)
