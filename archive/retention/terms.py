"""How long a bucket is kept, as its name says: `7y/2026-11-21` for seven years from that day, `always/…` for ever.

The name stands in the leaf, under the signature: a term that was promised cannot be shortened later, by anybody. Pure.
"""

import re
from datetime import date, timedelta

_BUCKET = re.compile(r"(\d{1,2})y/(\d{4}-\d\d-\d\d)", re.ASCII)
SETTLED_AFTER = timedelta(days=2)  # today's bucket is being written to, and clocks differ around midnight


def first_day_after_term(bucket: str) -> date | None:
    """Return the first day on which a bucket may be disposed of; None for one that is kept for ever."""
    return _first_day_after(bucket, years=None)


def first_day_after_floor(bucket: str, *, floor_years: int) -> date | None:
    """Return the first day on which an entry may be erased before its term ends; never a later one than the term's."""
    return _first_day_after(bucket, years=floor_years)


def _first_day_after(bucket: str, *, years: int | None) -> date | None:
    match = _BUCKET.fullmatch(bucket)
    if match is None:
        return None
    day, term = date.fromisoformat(match[2]), int(match[1])
    kept = term if years is None else min(years, term)
    return max(_years_later(day, kept) + timedelta(days=1), day + SETTLED_AFTER)


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # a 29 February, in a year that has none
        return date(day.year + years, 3, 1)
