"""Sets of entry numbers as spans: (first, last), both included, ascending, with a gap between any two. Pure.

A disposal may take millions of entries; as spans they fit into one entry and one comparison. It must not list numbers.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from archive.canonical import Json

Span = tuple[int, int]


def spans_of(numbers: Iterable[int]) -> list[Span]:
    """Return the spans of some numbers, given in any order and any number of times."""
    return merged((number, number) for number in numbers)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the same numbers in as few spans as there can be."""
    result: list[Span] = []
    for first, last in sorted(spans):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return result


def difference(whole: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    """Return what of `whole` is not in `taken`; both are merged."""
    return list(_difference(whole, taken))


def _difference(whole: Sequence[Span], taken: Sequence[Span]) -> Iterator[Span]:
    place = 0
    for first, last in whole:
        start = first
        while place < len(taken) and taken[place][1] < start:
            place += 1
        following = place
        while following < len(taken) and taken[following][0] <= last:
            if start < taken[following][0]:
                yield start, taken[following][0] - 1
            start = taken[following][1] + 1
            following += 1
        if start <= last:
            yield start, last


def count(spans: Iterable[Span]) -> int:
    return sum(last - first + 1 for first, last in spans)


def holds(spans: Sequence[Span], number: int) -> bool:
    """Say whether the number is in one of the spans, which are merged. Asked for each of millions: it must be quick."""
    place = bisect_right(spans, number, key=_first) - 1
    return place >= 0 and number <= spans[place][1]


def _first(span: Span) -> int:
    return span[0]


def as_json(spans: Iterable[Span]) -> list[Json]:
    return [[first, last] for first, last in spans]


def from_json(value: object) -> list[Span]:
    """Return the spans that an entry's field lists. Raises ValueError for anything else."""
    if not isinstance(value, list):
        raise ValueError("spans are a list of [first, last]")
    return merged(_span(item) for item in value)


def _span(item: object) -> Span:
    if not isinstance(item, list) or len(item) != 2 or not all(type(part) is int for part in item):
        raise ValueError("a span is [first, last]")
    first, last = item
    if not 0 <= first <= last:
        raise ValueError(f"[{first}, {last}] is no span")
    return first, last
