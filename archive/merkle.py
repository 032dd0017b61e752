"""The Merkle tree of RFC 6962 section 2.1: hashes, roots, audit paths and their verification (RFC 9162 section 2.1).

Pure arithmetic on bytes: it must not know where hashes are stored, nor what a leaf says.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Self

HASH_SIZE_BYTES = 32
_sha256 = hashlib.sha256
EMPTY_ROOT = hashlib.sha256(b"").digest()

# (level, index) -> hash of the perfect subtree over the leaves index * 2^level up to (index + 1) * 2^level - 1
ReadNode = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(hashes: Iterable[bytes]) -> bytes:
    """Return the tree hash over leaf hashes; the hash of the empty string for none."""
    frontier = Frontier()
    for item in hashes:
        frontier.append(item)
    return frontier.root()


class Frontier:
    """The right edge of a tree: the roots of its perfect subtrees, largest first. It can append and give the root."""

    def __init__(self, hashes: Iterable[bytes] = (), *, size: int = 0) -> None:
        self.size = size
        self._hashes = list(hashes)
        if len(self._hashes) != size.bit_count() or any(len(item) != HASH_SIZE_BYTES for item in self._hashes):
            raise ValueError("a frontier has one hash of 32 bytes for each bit set in its size")

    @classmethod
    def from_bytes(cls, data: bytes, *, size: int) -> Self:
        return cls([data[i : i + HASH_SIZE_BYTES] for i in range(0, len(data), HASH_SIZE_BYTES)], size=size)

    def to_bytes(self) -> bytes:
        return b"".join(self._hashes)

    def copy(self) -> Self:
        return type(self)(self._hashes, size=self.size)

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf: like adding 1 in binary, each carry joins two subtrees."""
        self.append_perfect(leaf, width=1)

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add the hashes of the next leaves: the same as append() for each, but a whole subtree at a time."""
        done = 0
        while done < len(leaves):
            width = 1 << ((len(leaves) - done).bit_length() - 1)
            if self.size:
                width = min(width, self.size & -self.size)
            self.append_perfect(perfect_root(leaves[done : done + width]), width=width)
            done += width

    def append_perfect(self, node: bytes, *, width: int) -> None:
        """Add the next `width` leaves by the root over them: a power of two that divides the size so far."""
        place = self.size // width
        carries = (~place & (place + 1)).bit_length() - 1
        for _ in range(carries):
            node = node_hash(self._hashes.pop(), node)
        self._hashes.append(node)
        self.size += width

    def root(self) -> bytes:
        return _fold(self._hashes) if self._hashes else EMPTY_ROOT


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the tree hash over a power of two of hashes."""
    level = hashes
    while len(level) > 1:
        # node_hash() written out: the check of a record calls it for every leaf.
        level = [_sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=True)]
    return level[0]


class Tree:
    """A whole tree in memory, for lists that fit: the stream heads, tests."""

    def __init__(self, hashes: Sequence[bytes]) -> None:
        self.size = len(hashes)
        self._levels = [list(hashes)]
        while len(below := self._levels[-1]) > 1:
            self._levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])

    def node(self, level: int, index: int) -> bytes:
        return self._levels[level][index]

    def root(self) -> bytes:
        return range_root(0, self.size, node=self.node) if self.size else EMPTY_ROOT

    def path(self, index: int) -> list[bytes]:
        return inclusion_path(index, size=self.size, node=self.node)


def inclusion_path(index: int, *, size: int, node: ReadNode) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of `size` leaves, lowest node first (RFC 9162 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size} leaves")
    return [range_root(start, end, node=node) for start, end in reversed(_siblings(index, size))]


def consistency_path(old_size: int, *, new_size: int, node: ReadNode) -> list[bytes]:
    """Return the proof that the tree of `new_size` extends the tree of `old_size` (RFC 9162 2.1.4.1)."""
    if not 0 < old_size <= new_size:
        raise ValueError(f"a tree of {new_size} leaves does not extend one of {old_size}")
    return [range_root(start, end, node=node) for start, end in reversed(_complements(old_size, new_size))]


def range_root(start: int, end: int, *, node: ReadNode) -> bytes:
    """Return the hash over the leaves start … end-1, where `start` is a place at which RFC 6962 splits a tree."""
    return _fold([node(level, index) for level, index in _perfect_subtrees(start, end)])


def verify_inclusion(leaf: bytes, *, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Say whether the path leads from the leaf hash at `index` to the root of the tree of `size` (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes(leaf, root, *path):
        return False
    place, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            place, last = _skip_to_right_child(place, last)
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(
    path: Sequence[bytes], *, old_size: int, new_size: int, old_root: bytes, new_root: bytes
) -> bool:
    """Say whether the tree of `new_size` extends the tree of `old_size` without changing it (RFC 9162 2.1.4.2)."""
    if not 0 < old_size <= new_size or not _are_hashes(*path):
        return False
    if old_size == new_size:
        return not path and old_root == new_root
    nodes = [old_root, *path] if old_size.bit_count() == 1 else list(path)
    return bool(nodes) and _climb(nodes, old_size=old_size, new_size=new_size) == (old_root, new_root)


def _climb(nodes: list[bytes], *, old_size: int, new_size: int) -> tuple[bytes, bytes] | None:
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old, new = node_hash(node, old), node_hash(node, new)
            place, last = _skip_to_right_child(place, last)
        else:
            new = node_hash(new, node)
        place, last = place >> 1, last >> 1
    return (old, new) if last == 0 else None


def _skip_to_right_child(place: int, last: int) -> tuple[int, int]:
    # The last node of a level has no sibling where the tree is ragged: it moves up as it is.
    while place and not place & 1:
        place, last = place >> 1, last >> 1
    return place, last


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_SIZE_BYTES for value in values)


def _siblings(index: int, size: int) -> list[tuple[int, int]]:
    start, end, found = 0, size, []
    while end - start > 1:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return found


def _complements(old_size: int, new_size: int) -> list[tuple[int, int]]:
    start, end, found = 0, new_size, []
    while old_size != end:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if old_size <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    # A verifier knows the old root already where the old tree is one perfect subtree at the left edge.
    return found if start == 0 else [*found, (start, end)]


def _perfect_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _fold(hashes: Sequence[bytes]) -> bytes:
    node = hashes[-1]
    for left in reversed(hashes[:-1]):
        node = node_hash(left, node)
    return node
