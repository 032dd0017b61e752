"""Rows written past the ORM: it reads the same values as if it had written them itself, and errors are its own."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import IntegrityError, connection, transaction

from archive.models import Segment
from archive.tables import Table, Value, as_time, as_uuid, write

pytestmark = pytest.mark.django_db
COLUMNS = ("first", "size", "root", "due_at", "lease_token", "tries", "failure", "problem", "store", "name",
           "digest", "version")  # fmt: skip
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TIMES = [
    NOON,
    NOON + timedelta(microseconds=1),
    NOON.replace(microsecond=250_000),
    NOON.astimezone(timezone(timedelta(hours=-5))),
]


def row(first: int, *, at: datetime = NOON, key: uuid.UUID | None = None) -> tuple[Value, ...]:
    token = as_uuid(key) if key else None
    return (first, first + 1, b"\x00\xff", as_time(at), token, 0, "it's\n\\ %s", "", "", "\U0001f600", "", "")


@pytest.mark.parametrize("at", TIMES)
def test_times_and_keys_are_kept_as_the_orm_keeps_them(at: datetime) -> None:
    key = uuid.uuid4()
    write(Table(Segment, COLUMNS, [row(1, at=at, key=key)]))
    Segment.objects.create(first=2, size=3, root=b"", due_at=at, lease_token=key)
    with connection.cursor() as cursor:
        cursor.execute("SELECT due_at, lease_token FROM archive_segment ORDER BY first")
        ours, theirs = cursor.fetchall()
    assert ours == theirs
    assert Segment.objects.filter(due_at=at, lease_token=key).count() == 2


def test_what_was_written_is_read_as_it_was_given() -> None:
    write(Table(Segment, COLUMNS, [row(first) for first in range(3)]))
    found = Segment.objects.order_by("first").values_list("first", "size", "failure", "name", "lease_token")
    assert list(found) == [(first, first + 1, "it's\n\\ %s", "\U0001f600", None) for first in range(3)]
    assert {bytes(root) for root in Segment.objects.values_list("root", flat=True)} == {b"\x00\xff"}


def test_a_row_that_is_refused_takes_the_others_with_it() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        write(Table(Segment, COLUMNS, [row(1), row(2), row(1)]))
    assert not Segment.objects.exists()
