"""Exports whose end nobody heard of, or that take longer than a lease: made once, and what is ready stays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from admin_portal import making
from admin_portal.exports import approve_export, request_export
from admin_portal.making import EXPORTS, make_due_exports, make_export
from admin_portal.models import ExportRequest
from admin_portal.scopes import ExportScope
from admin_portal.tasks import make_exports
from archive.export import package
from archive.export.package import Package
from tests.admin_portal.conftest import PURPOSE, Office
from tests.invariants import all_entries

IN_ITS_OWN_TRANSACTIONS = pytest.mark.django_db(transaction=True)


def approved(office: Office) -> ExportRequest:
    scope = ExportScope(conversations=(office.talk.pk,))
    export = request_export(office.cast.carl, purpose=PURPOSE, scope=scope, client_key=uuid4())
    approve_export(office.cast.cora, export_id=export.pk)
    return export


def times_made() -> int:
    return len([entry for entry in all_entries("system") if entry.kind == "export.made"])


def folders() -> list[str]:
    return [path.name for path in Path(settings.ONRECORD_EXPORT_DIR).iterdir()]


@contextmanager
def connection_lost_at_the_finish(*, is_committed: bool) -> Iterator[list[str]]:
    """Break the connection once, at the commit that makes an export ready: before it, or after it and its answer."""
    lost, seen = list[str](), list[str]()
    commit = connection._commit  # type: ignore[attr-defined]  # of each backend

    def note(run: Callable[..., Any], sql: str, params: Any, *rest: Any) -> Any:  # Any: whatever the driver takes
        if sql.startswith("UPDATE") and ExportRequest.READY in (params or ()):
            seen.append(sql)
        return run(sql, params, *rest)

    def break_off() -> None:
        if not seen or lost:
            commit()
            return
        if is_committed:
            commit()
        lost.append(seen[0])
        connection.connection.close()
        raise OperationalError("the connection was lost")

    connection._commit = break_off  # type: ignore[attr-defined]  # the one place where every commit passes
    try:
        with connection.execute_wrapper(note):
            yield lost
    finally:
        del connection._commit  # type: ignore[attr-defined]  # the class's own again


# --- a commit in doubt -----------------------------------------------------------------------------------------------
@IN_ITS_OWN_TRANSACTIONS
def test_an_export_whose_commit_stood_without_an_answer_is_kept_and_made_once(
    transactional_db: None, office: Office
) -> None:
    export = approved(office)
    with connection_lost_at_the_finish(is_committed=True) as lost:
        make_exports()
    assert len(lost) == 1
    export.refresh_from_db()
    assert (export.state, export.failure) == (ExportRequest.READY, "")
    assert Path(export.path).stat().st_size == export.size_bytes
    assert make_due_exports(at=timezone.now() + timedelta(days=1)) == 0
    assert times_made() == 1


@IN_ITS_OWN_TRANSACTIONS
def test_an_export_whose_commit_was_lost_leaves_no_file_and_is_made_again(
    transactional_db: None, office: Office
) -> None:
    export = approved(office)
    with connection_lost_at_the_finish(is_committed=False) as lost:
        make_exports()
    assert len(lost) == 1
    export.refresh_from_db()
    assert (export.state, export.failure) == (ExportRequest.APPROVED, "OperationalError")
    assert (times_made(), folders()) == (0, [])
    assert make_due_exports(at=timezone.now() + timedelta(minutes=1)) == 1
    assert times_made() == 1


# --- longer than a lease ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("renew_every_s", "is_made"), [(0.0, True), (3600.0, False)])
def test_an_export_that_takes_longer_than_its_lease_is_made_where_it_is_renewed(
    office: Office, monkeypatch: pytest.MonkeyPatch, renew_every_s: float, is_made: bool
) -> None:
    """The control does not renew: another worker takes the row, and nothing comes of the first one's package."""
    export, make, now = approved(office), package.make, timezone.now()
    ExportRequest.objects.update(due_at=now - timedelta(days=1))
    claimed_by_others = list[ExportRequest | None]()

    def make_slowly(*args: Any, **kwargs: Any) -> Package:  # Any: passed on as it is
        made = make(*args, **kwargs)
        claimed_by_others.append(EXPORTS.claim(at=now + EXPORTS.lease / 2))
        return made

    monkeypatch.setattr(making, "RENEW_EVERY_S", renew_every_s)
    monkeypatch.setattr(making, "make", make_slowly)
    first = EXPORTS.claim(at=now - EXPORTS.lease / 2)
    assert first is not None
    assert EXPORTS.work_on(first, make_export, now=timezone.now) is is_made
    assert [other is None for other in claimed_by_others] == [is_made]
    assert times_made() == is_made
    assert folders() == ([f"export-{export.pk}-{first.lease_token}"] if is_made else [])


def test_who_lost_the_lease_stops_in_the_middle(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    approved(office)
    slow, other = EXPORTS.claim(at=timezone.now()), EXPORTS.claim(at=timezone.now() + EXPORTS.lease * 2)
    assert slow is not None and other is not None
    monkeypatch.setattr(making, "RENEW_EVERY_S", 0.0)
    made, make = list[Package](), package.make

    def make_and_note(*args: Any, **kwargs: Any) -> Package:  # Any: passed on as it is
        made.append(make(*args, **kwargs))
        return made[0]

    monkeypatch.setattr(making, "make", make_and_note)
    assert not EXPORTS.work_on(slow, make_export, now=timezone.now)
    assert (made, folders()) == ([], [])
