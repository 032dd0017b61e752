"""Files that an entry names: each is a field of its own, `att.0` to `att.9`, so that each can be shown by itself.

The field holds the key of the sealed file. So the file opens to whoever opens the field, and to nobody once the entry's
own key is destroyed. Plain values: no Django.
"""

import re
from dataclasses import dataclass, field
from typing import Self

from archive.canonical import Json

MOST = 10
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TEXTS = ("blob", "key", "name", "sha256", "type")
_HEX = ("blob", "key", "sha256")


class BadAttachment(ValueError):
    """The field of an entry does not describe a file; the message names the member."""


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file as the entry has it. `blob` is where its sealed bytes are, `sha256` is of the file itself (both hex)."""

    name: str
    type: str
    size_bytes: int
    sha256: str
    blob: str
    key: str = field(repr=False)
    width: int | None = None  # of an image, in pixels
    height: int | None = None

    def as_json(self) -> dict[str, Json]:
        return {
            "blob": self.blob,
            "height": self.height,
            "key": self.key,
            "name": self.name,
            "sha256": self.sha256,
            "size": self.size_bytes,
            "type": self.type,
            "width": self.width,
        }

    @classmethod
    def parse(cls, value: Json) -> Self:
        """Return the file that a field describes. Raises BadAttachment."""
        if not isinstance(value, dict):
            raise BadAttachment("it is not an object")
        texts = {name: _text(value, name) for name in _TEXTS}
        return cls(
            **texts,
            size_bytes=_number(value, "size") or 0,
            width=_number(value, "width"),
            height=_number(value, "height"),
        )


def attachment_fields(files: tuple[Attachment, ...]) -> dict[str, Json]:
    """Return the fields of an entry's content that name these files."""
    if len(files) > MOST:
        raise ValueError(f"an entry names at most {MOST} files")
    return {f"att.{index}": file.as_json() for index, file in enumerate(files)}


def attachments_of(content: dict[str, Json]) -> list[Attachment]:
    """Return the files that an entry names, in their order. Raises BadAttachment."""
    return [Attachment.parse(content[name]) for name in _names(content)]


def names_of(content: dict[str, Json]) -> list[str]:
    """Return the names of the files that an entry names, for the search."""
    values = [content[name] for name in _names(content)]
    return [str(value.get("name", "")) for value in values if isinstance(value, dict)]


def _names(content: dict[str, Json]) -> list[str]:
    if "att.0" not in content:  # most entries
        return []
    return [name for name in (f"att.{index}" for index in range(MOST)) if name in content]


def _text(value: dict[str, Json], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or (name in _HEX and not _DIGEST.fullmatch(text)):
        raise BadAttachment(f"its {name} is missing or malformed")
    return text


def _number(value: dict[str, Json], name: str) -> int | None:
    number = value.get(name)
    if number is None and name != "size":
        return None
    if type(number) is not int or number < 0:
        raise BadAttachment(f"its {name} is missing or malformed")
    return number
