"""Parked work: who sees it, what they may do, that each decision is an entry, and the alarm that asks for one."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from admin_portal import alarms
from admin_portal.access import access_export
from admin_portal.exports import approve_export
from admin_portal.making import EXPORTS, make_due_exports
from admin_portal.models import Alarm, ExportRequest
from admin_portal.parked import access_parked, count_parked, list_parked, retry_parked, set_aside_parked
from archive.models import Segment
from archive.segments.outbox import SEGMENTS
from messenger.people.errors import Invalid, NotAllowed, NotFound
from messenger.sms.actions import TEXTS
from messenger.sms.models import Attempt
from messenger.sms.transports.contract import Ambiguous
from tests.admin_portal.conftest import Office, looks_of, record_size
from tests.admin_portal.test_exports import ask
from tests.admin_portal.test_metrics import numbers
from tests.admin_portal.test_pages import SECRETS, ClientFor, text_of
from tests.messenger.sms.texting import NOON, FakeCarrier, agree, plug_in, queue, sweep

OUTSIDERS = ("alice", "charlie", "mona", "erin")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def parked(office: Office) -> ExportRequest:
    """An export that failed at its last try."""
    export = approve_export(office.cast.cora, export_id=ask(office).pk)
    ExportRequest.objects.filter(pk=export.pk).update(tries=EXPORTS.most_tries - 1)
    claimed = EXPORTS.claim(at=timezone.now())
    assert claimed is not None
    EXPORTS.put_back(claimed, failure="OSError", at=timezone.now())
    return ExportRequest.objects.get(pk=export.pk)


@pytest.fixture
def in_doubt(office: Office, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Attempt:
    """A text of which nobody knows whether it left."""
    carrier = FakeCarrier()
    carrier.answers = [Ambiguous("timeout")]
    plug_in(carrier, settings=settings, monkeypatch=monkeypatch)
    agree(office.cast.contact, by=office.cast.alice)
    attempt = queue(office.cast.contact)
    sweep()
    return Attempt.objects.get(pk=attempt.pk)


def park_segments(count: int, *, at: datetime) -> None:
    Segment.objects.bulk_create(
        Segment(first=number, size=number + 1, root=b"", tries=48, failure="It answers 503.", parked_at=at)
        for number in range(count)
    )


# --- who -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", OUTSIDERS)
def test_who_may_not_tend_it_finds_nothing_there_and_leaves_no_trace(
    office: Office, parked: ExportRequest, name: str
) -> None:
    outsider, key, size = getattr(office.cast, name), str(parked.pk), record_size()
    acts: tuple[Callable[[], object], ...] = (
        lambda: list_parked(outsider, limit=5),
        lambda: access_parked(outsider, kind="exports", key=key),
        lambda: retry_parked(outsider, kind="exports", key=key),
        lambda: set_aside_parked(outsider, kind="exports", key=key, reason="Not wanted"),
    )
    for act in acts:
        with pytest.raises(NotFound):
            act()
    assert (count_parked(outsider), record_size()) == (0, size)
    assert EXPORTS.parked_rows().get() == parked


@pytest.mark.parametrize("name", ["carl", "adam"])
def test_officers_and_administrators_see_why_and_no_content(
    office: Office, parked: ExportRequest, client_for: ClientFor, name: str
) -> None:
    client = client_for(getattr(office.cast, name))
    pages = [text_of(client.get(address)) for address in ("/portal/parked/", f"/portal/parked/exports/{parked.pk}/")]
    for page in pages:
        assert f"Export {parked.pk}" in page and "OSError" in page and "Export packages" in page
        assert "Parked 1" in page, "the badge in the navigation"
        assert not any(secret in page for secret in (*SECRETS, parked.purpose))
    assert "3 tries" in pages[0]


def test_where_nothing_is_parked_the_page_says_so(office: Office, client_for: ClientFor) -> None:
    page = text_of(client_for(office.cast.adam).get("/portal/parked/"))
    assert "Nothing is parked" in page


# --- what they decide ------------------------------------------------------------------------------------------------
def test_what_is_tried_again_is_done_and_recorded(office: Office, parked: ExportRequest, client_for: ClientFor) -> None:
    client = client_for(office.cast.adam)
    answer = client.post(f"/portal/parked/exports/{parked.pk}/retry/", follow=True)
    assert "It is in line again." in text_of(answer)
    (entry,) = looks_of(office.cast.adam, "work.retried")
    assert {name: entry.content[name] for name in ("outbox", "item", "tries", "failure")} == {
        "outbox": "exports",
        "item": str(parked.pk),
        "tries": 3,
        "failure": "OSError",
    }
    assert make_due_exports() == 1
    assert access_export(office.cast.carl, parked.pk).state == ExportRequest.READY
    assert count_parked(office.cast.carl) == 0


@pytest.mark.parametrize("written", ["00{}", " {}", "+{}"])
def test_the_record_names_the_row_in_one_way_however_it_was_asked_for(
    office: Office, parked: ExportRequest, written: str
) -> None:
    retry_parked(office.cast.carl, kind="exports", key=written.format(parked.pk))
    (entry,) = looks_of(office.cast.carl, "work.retried")
    assert entry.content["item"] == str(parked.pk)


def test_what_is_set_aside_needs_a_reason_and_stays_undone(
    office: Office, parked: ExportRequest, client_for: ClientFor
) -> None:
    client, address = client_for(office.cast.carl), f"/portal/parked/exports/{parked.pk}/set-aside/"
    size = record_size()
    for reason in ("", "no"):
        assert client.post(address, {"reason": reason}).status_code == 200
    with pytest.raises(Invalid):
        set_aside_parked(office.cast.carl, kind="exports", key=str(parked.pk), reason="no")
    assert (record_size(), count_parked(office.cast.carl)) == (size, 1)
    client.post(address, {"reason": "Asked for again by mistake"})
    (entry,) = looks_of(office.cast.carl, "work.set_aside")
    assert entry.content["reason"] == "Asked for again by mistake"
    assert make_due_exports(at=timezone.now() + timedelta(days=9)) == 0
    assert access_export(office.cast.carl, parked.pk).state == ExportRequest.FAILED


def test_of_two_people_who_decide_one_is_told_that_it_is_gone(office: Office, parked: ExportRequest) -> None:
    key = str(parked.pk)
    retry_parked(office.cast.carl, kind="exports", key=key)
    size = record_size()
    for late in (
        lambda: retry_parked(office.cast.adam, kind="exports", key=key),
        lambda: set_aside_parked(office.cast.adam, kind="exports", key=key, reason="Not wanted"),
    ):
        with pytest.raises(NotFound):
            late()
    assert record_size() == size


def test_a_text_in_doubt_is_not_tried_again(office: Office, in_doubt: Attempt, client_for: ClientFor) -> None:
    carl, key = office.cast.carl, str(in_doubt.pk)
    with pytest.raises(NotAllowed):
        retry_parked(carl, kind="texts", key=key)
    assert looks_of(carl, "work.retried") == []
    (item,) = list_parked(carl, limit=5)
    page = text_of(client_for(carl).get(f"/portal/parked/texts/{item.key}/"))
    assert "nobody knows whether it was done" in page and "Try it again" not in page
    set_aside_parked(carl, kind="texts", key=item.key, reason="The client has it, says alice")
    in_doubt.refresh_from_db()
    assert (in_doubt.state, TEXTS.parked_rows().count()) == ("in_doubt", 0)


def test_a_hole_in_the_record_is_not_set_aside(office: Office, client_for: ClientFor) -> None:
    park_segments(1, at=timezone.now())
    key = str(Segment.objects.get().pk)
    with pytest.raises(NotAllowed):
        set_aside_parked(office.cast.carl, kind="segments", key=key, reason="The store is gone")
    assert SEGMENTS.parked_rows().count() == 1
    page = text_of(client_for(office.cast.carl).get(f"/portal/parked/segments/{key}/"))
    assert "It answers 503." in page and "Entries 0 to 0" in page and "cannot be set aside" in page


@pytest.mark.parametrize("key", ["0", "-1", "nothing", "9" * 30, "9f0c5c59-f7bd-4745-bb97-c45377e09a62"])
@pytest.mark.parametrize("kind", ["exports", "texts", "segments", "nothing"])
def test_what_is_not_there_is_not_found(office: Office, parked: ExportRequest, kind: str, key: str) -> None:
    with pytest.raises(NotFound):
        access_parked(office.cast.carl, kind=kind, key=key)


# --- the list --------------------------------------------------------------------------------------------------------
def test_the_list_is_paged_filtered_and_costs_a_constant_number_of_queries(
    office: Office,
    parked: ExportRequest,
    in_doubt: Attempt,
    client_for: ClientFor,
    django_assert_max_num_queries: Callable[[int], object],
) -> None:
    park_segments(60, at=NOON - MINUTE)
    client = client_for(office.cast.carl)
    with django_assert_max_num_queries(32):  # type: ignore[attr-defined]  # a context manager
        first = text_of(client.get("/portal/parked/"))
    assert first.index(f"Export {parked.pk}") < first.index("Message 1 of conversation") < first.index("Entries ")
    assert "Parked 62" in first and "Older" in first
    only = text_of(client.get("/portal/parked/", {"kind": "segments", "start": "50"}))
    assert only.count("Entries ") == 10 and "Older" not in only and f"Export {parked.pk}" not in only
    assert client.get("/portal/parked/", {"kind": "nothing"}).status_code == 404


# --- the figures -----------------------------------------------------------------------------------------------------
def test_the_metrics_tell_how_much_waits_is_leased_and_is_parked_and_for_how_long(
    office: Office, parked: ExportRequest
) -> None:
    late, leased = (approve_export(office.cast.cora, export_id=ask(office).pk) for _ in range(2))
    claimed = EXPORTS.claim(at=timezone.now(), among=EXPORTS.rows().filter(pk=leased.pk))
    assert claimed is not None
    ExportRequest.objects.filter(pk=late.pk).update(due_at=timezone.now() - 5 * MINUTE)
    shown = {name: numbers()[f'onrecord_outbox_{name}{{kind="exports"}}'] for name in ("waiting", "leased", "parked")}
    assert shown == {"waiting": 1, "leased": 1, "parked": 1}
    assert 300 <= numbers()['onrecord_outbox_overdue_seconds{kind="exports"}'] < 3000
    assert numbers()['onrecord_outbox_overdue_seconds{kind="texts"}'] == 0
    assert numbers()['onrecord_alarm{kind="parked"}'] == 0
    for minutes in (0, 11):
        alarms.watch(at=timezone.now() + minutes * MINUTE)
    assert numbers()['onrecord_alarm{kind="parked"}'] == 1


# --- the alarm -------------------------------------------------------------------------------------------------------
def test_parked_work_is_an_alarm_until_somebody_decides(office: Office, parked: ExportRequest) -> None:
    at = timezone.now()
    alarms.watch(at=at)
    assert not alarms.open_alarms(office.cast.carl), "a carrier may still resolve a doubt"
    alarms.watch(at=at + 11 * MINUTE)
    (alarm,) = alarms.open_alarms(office.cast.carl)
    assert (alarm.kind, alarm.problems) == ("parked", ["Export packages: 1 on the page Parked, after the last try."])
    retry_parked(office.cast.carl, kind="exports", key=str(parked.pk))
    alarms.watch(at=at + 12 * MINUTE)
    assert Alarm.objects.get().cleared_at is not None


def test_more_of_one_kind_is_no_news_and_another_kind_is(office: Office, parked: ExportRequest) -> None:
    at = timezone.now()
    for minutes in (0, 11):
        alarms.watch(at=at + minutes * MINUTE)
    told = Alarm.objects.get().told
    park_segments(1, at=at)
    alarms.watch(at=at + 12 * MINUTE)
    more = Alarm.objects.get().told
    Segment.objects.create(first=7, size=8, root=b"", failure="It answers 503.", parked_at=at)
    alarms.watch(at=at + 13 * MINUTE)
    assert (len(told), len(more), len(Alarm.objects.get().told)) == (1, 2, 2)
