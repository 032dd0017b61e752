"""How long a bucket is kept, as its name says: `7y/2026-11-21` for seven years from that day, `always/…` for ever.

The name stands in the leaf, under the signature: a term that was promised cannot be shortened later, by anybody. Pure.
"""

import re
from datetime import date, timedelta
from functools import lru_cache

_BUCKET = re.compile(r"(\d{1,2})y/(\d{4}-\d\d-\d\d)", re.ASCII)
SETTLED_AFTER = timedelta(days=2)  # today's bucket is being written to, and clocks differ around midnight


def has_come(bucket: str, *, today: date, floor_years: int | None = None) -> bool:
    """Say whether the time of a bucket's entries has come: the end of their term, or of a floor where one is given."""
    day = first_day_after(bucket, floor_years=floor_years)
    return day is not None and today >= day


@lru_cache(maxsize=8192)
def first_day_after(bucket: str, *, floor_years: int | None = None) -> date | None:
    """Return the first day after a bucket's term, or after a floor, which is never later; None where there is none."""
    match = _BUCKET.fullmatch(bucket)
    if match is None:
        return None
    day, term = _day(match[2]), int(match[1])
    if day is None:
        return None
    kept = term if floor_years is None else min(floor_years, term)
    try:
        return max(_years_later(day, kept) + timedelta(days=1), day + SETTLED_AFTER)
    except (ValueError, OverflowError):  # after the last day that there is
        return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # a 29 February, in a year that has none
        return date(day.year + years, 3, 1)
