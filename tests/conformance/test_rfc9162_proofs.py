"""The public proof vectors of transparency-dev/merkle: each of the 196 is judged as it says."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from archive import merkle
from tests.conformance.conftest import PROOFS

Vector = dict[str, Any]  # Any: members of foreign JSON
VECTORS: dict[str, list[Vector]] = json.loads(PROOFS.read_text(encoding="utf-8"))


def decode(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def path_of(vector: Vector) -> list[bytes]:
    return [decode(item) for item in vector["proof"] or []]


def is_included(vector: Vector) -> bool:
    return merkle.verify_inclusion(
        decode(vector["leafHash"]),
        index=vector["leafIdx"],
        size=vector["treeSize"],
        path=path_of(vector),
        root=decode(vector["root"]),
    )


def is_consistent(vector: Vector) -> bool:
    return merkle.verify_consistency(
        path_of(vector),
        old_size=vector["size1"],
        new_size=vector["size2"],
        old_root=decode(vector["root1"]),
        new_root=decode(vector["root2"]),
    )


@pytest.mark.parametrize(("kind", "judge"), [("inclusion", is_included), ("consistency", is_consistent)])
def test_every_public_vector_is_judged_as_it_says(kind: str, judge: Callable[[Vector], bool]) -> None:
    assert len(VECTORS[kind]) == 98
    assert [vector["name"] for vector in VECTORS[kind] if judge(vector) == vector["wantErr"]] == []
