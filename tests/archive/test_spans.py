"""Spans are sets of numbers, whatever is done with them."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import spans
from archive.spans import Span

numbers = st.sets(st.integers(min_value=0, max_value=60))


def numbers_in(some: list[Span]) -> set[int]:
    return {number for first, last in some for number in range(first, last + 1)}


@given(numbers)
def test_numbers_become_the_fewest_spans_and_back(some: set[int]) -> None:
    found = spans.spans_of(some)
    assert numbers_in(found) == some
    assert spans.count(found) == len(some)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(found))
    assert spans.from_json(spans.as_json(found)) == found


@given(numbers, numbers)
def test_a_difference_is_that_of_the_sets(whole: set[int], taken: set[int]) -> None:
    left = spans.difference(spans.spans_of(whole), spans.spans_of(taken))
    assert left == spans.spans_of(whole - taken)


@given(numbers, st.integers(min_value=-2, max_value=63))
def test_a_number_is_held_where_the_set_has_it(some: set[int], number: int) -> None:
    assert spans.holds(spans.spans_of(some), number) is (number in some)


def test_to_ask_for_one_number_does_not_cost_a_look_at_every_span() -> None:
    """Somebody's messages are thousands of spans, and a bucket has a hundred thousand entries that are asked about."""
    many = [(number, number) for number in range(0, 200_000, 2)]
    began = time.process_time()
    assert sum(spans.holds(many, number) for number in range(100_000, 104_000)) == 2_000
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("value", [None, {}, [1], [[1]], [[1, 2, 3]], [[2, 1]], [[-1, 1]], [[True, 2]], [["1", 2]]])
def test_what_is_no_list_of_spans_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="span"):
        spans.from_json(value)
