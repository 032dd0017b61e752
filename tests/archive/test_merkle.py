"""The tree: the same roots and paths as RFC 6962's own recursive definition."""

from hypothesis import given
from hypothesis import strategies as st

from archive import merkle
from archive.merkle import Frontier, Tree

LEAVES = [merkle.leaf_hash(str(i).encode()) for i in range(600)]
sizes = st.integers(min_value=1, max_value=len(LEAVES))
places = sizes.flatmap(lambda size: st.tuples(st.integers(min_value=0, max_value=size - 1), st.just(size)))


def split(size: int) -> int:
    """The largest power of two smaller than size."""
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def reference_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, as it is written there."""
    if not hashes:
        return merkle.EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return merkle.node_hash(reference_root(hashes[:k]), reference_root(hashes[k:]))


def reference_path(index: int, hashes: list[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1, as it is written there."""
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return [*reference_path(index, hashes[:k]), reference_root(hashes[k:])]
    return [*reference_path(index - k, hashes[k:]), reference_root(hashes[:k])]


@given(sizes)
def test_the_root_is_that_of_the_recursive_definition(size: int) -> None:
    expected = reference_root(LEAVES[:size])
    assert merkle.root(LEAVES[:size]) == expected
    assert Tree(LEAVES[:size]).root() == expected


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert merkle.root([]) == Tree([]).root() == Frontier().root() == merkle.EMPTY_ROOT


@given(places)
def test_the_path_is_that_of_the_recursive_definition(place: tuple[int, int]) -> None:
    index, size = place
    assert Tree(LEAVES[:size]).path(index) == reference_path(index, LEAVES[:size])


@given(places)
def test_a_path_leads_to_the_root(place: tuple[int, int]) -> None:
    index, size = place
    path, root = reference_path(index, LEAVES[:size]), reference_root(LEAVES[:size])
    assert merkle.verify_inclusion(LEAVES[index], index=index, size=size, path=path, root=root)


@given(places, st.data())
def test_a_path_leads_nowhere_else(place: tuple[int, int], data: st.DataObject) -> None:
    index, size = place
    path, root = reference_path(index, LEAVES[:size]), reference_root(LEAVES[:size])
    other = data.draw(st.integers(min_value=0, max_value=size).filter(lambda i: i != index))
    assert not merkle.verify_inclusion(LEAVES[index], index=other, size=size, path=path, root=root)
    assert not merkle.verify_inclusion(LEAVES[index - 1], index=index, size=size, path=path, root=merkle.EMPTY_ROOT)
    assert not merkle.verify_inclusion(LEAVES[index], index=index, size=size, path=[*path, root], root=root)
    assert not merkle.verify_inclusion(LEAVES[index], index=index, size=size, path=[b"short", *path], root=root)


@given(sizes, sizes)
def test_a_frontier_kept_as_bytes_goes_on_where_it_stopped(first: int, second: int) -> None:
    first, second = sorted((first, second))
    frontier = Frontier()
    for leaf in LEAVES[:first]:
        frontier.append(leaf)
    again = Frontier.from_bytes(frontier.to_bytes(), size=frontier.size)
    for leaf in LEAVES[first:second]:
        again.append(leaf)
    assert again.size == second
    assert again.root() == reference_root(LEAVES[:second])


@given(sizes, sizes)
def test_many_leaves_at_once_give_the_frontier_of_one_by_one(first: int, second: int) -> None:
    first, second = sorted((first, second))
    at_once, one_by_one = Frontier(), Frontier()
    at_once.extend(LEAVES[:first])
    at_once.extend(LEAVES[first:second])
    for leaf in LEAVES[:second]:
        one_by_one.append(leaf)
    assert (at_once.size, at_once.to_bytes()) == (one_by_one.size, one_by_one.to_bytes())


@given(st.integers(min_value=0, max_value=2**40), st.integers(min_value=0, max_value=8))
def test_a_frontier_that_does_not_fit_its_size_is_refused(size: int, count: int) -> None:
    try:
        Frontier([merkle.EMPTY_ROOT] * count, size=size)
    except ValueError:
        assert count != size.bit_count()
    else:
        assert count == size.bit_count()
