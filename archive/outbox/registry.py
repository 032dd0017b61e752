"""The outboxes of this installation, for a page and the metrics that show all of them. Each room registers its own."""

from typing import Any

from archive.outbox.boxes import Outbox

_boxes: dict[str, Outbox[Any]] = {}  # Any: of whichever rows


def register(box: Outbox[Any]) -> None:  # Any: as above
    _boxes[box.name] = box


def registered() -> list[Outbox[Any]]:  # Any: as above
    """Return every outbox, by name."""
    return [_boxes[name] for name in sorted(_boxes)]


def outbox_named(name: str) -> Outbox[Any] | None:  # Any: as above
    return _boxes.get(name)
