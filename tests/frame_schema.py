"""The frames of the socket as docs/frames.schema.json describes them, for every test that reads or writes frames."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[1] / "docs" / "frames.schema.json").read_text("utf-8"))
CLIENT = ("hello", "post", "read", "typing", "ping")
SERVER = ("welcome", "ev", "ack", "pong", "eph", "reset", "bye", "error")


def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


VALIDATORS = {name: _validator(name) for name in (*CLIENT, *SERVER)}


def faults_of(frame: object) -> list[str]:
    """Return what the schema has against a frame of either side; nothing when it is as described."""
    kind = frame.get("t") if isinstance(frame, dict) else None
    if not isinstance(kind, str) or kind not in VALIDATORS:
        return [f"no frame has t = {kind!r}"]
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in VALIDATORS[kind].iter_errors(frame)]


def examples() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every example of the schema with the kind of frame that it shows."""
    for name in (*CLIENT, *SERVER):
        for example in SCHEMA["$defs"][name].get("examples", ()):
            yield name, example
