"""`/metrics`: numbers about the record, the desk's work and delivery, as Prometheus reads them (text format 0.0.4).

States and counts only, no content and no names. It must not be open to everybody: with a token, to who knows it;
without, to this machine, and only where no proxy stands before us, because a proxy's requests come from here as well.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from admin_portal.alarms import TITLES
from admin_portal.models import Alarm, RecordCheck
from archive import ledger
from archive.evidence import status as evidence_status
from archive.measures import Histogram
from archive.outbox import NUDGES_LOST, NUDGES_SENT, figures_of, registered
from messenger.conversations import postbox
from messenger.delivery import metrics as delivery
from messenger.people.errors import NotFound

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
GROWING = "_total"
LOOPBACK = ("127.0.0.1", "::1")
PROXIED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")  # what a proxy adds, also one that no setting names
LEVELS = {"red": 0, "amber": 1, "green": 2}


@dataclass(frozen=True)
class Gauge:
    """One number. `labels` is the part in braces, "" for none; `family` the histogram that it is a part of, if any."""

    name: str
    help: str
    value: float
    labels: str = ""
    family: str = ""


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Show the numbers; to others there is nothing here."""
    if not _may_read(request):
        raise NotFound
    return HttpResponse(exposition(_gauges()), content_type=CONTENT_TYPE)


def exposition(gauges: Iterable[Gauge]) -> str:
    """Return gauges as text; those of one name must follow each other."""
    lines, before = list[str](), ""
    for gauge in gauges:
        name = gauge.family or gauge.name
        if name != before:
            lines += [f"# HELP {name} {gauge.help}", f"# TYPE {name} {_kind(gauge)}"]
        lines.append(f"{gauge.name}{gauge.labels} {float(gauge.value)!r}")  # every digit: times have ten
        before = name
    return "".join(f"{line}\n" for line in lines)


def _kind(gauge: Gauge) -> str:
    if gauge.family:
        return "histogram"
    return "counter" if gauge.name.endswith(GROWING) else "gauge"


def _may_read(request: HttpRequest) -> bool:
    token: str = settings.ONRECORD_METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "")
        return secrets.compare_digest(given.encode(), f"Bearer {token}".encode())
    is_direct = settings.ONRECORD_TRUSTED_PROXIES == 0 and not any(name in request.headers for name in PROXIED)
    return is_direct and request.META.get("REMOTE_ADDR") in LOOPBACK


def _gauges() -> Iterable[Gauge]:
    yield from _of_record()
    yield from _of_checks()
    yield from _of_alarms()
    yield from _of_outboxes()
    yield from _of_delivery()
    yield Gauge("onrecord_writer_waiting", "Actions that wait for this process's writer now.", ledger.waiting())
    for histogram in (*ledger.HISTOGRAMS, *postbox.HISTOGRAMS, *delivery.HISTOGRAMS):
        yield from _parts(histogram)


def _parts(of: Histogram) -> Iterable[Gauge]:
    """Yield a histogram as Prometheus takes one: every bucket counts what the smaller ones count too."""
    for bound, count in of.buckets():
        yield Gauge(f"{of.name}_bucket", of.help, count, f'{{le="{bound}"}}', family=of.name)
    yield Gauge(f"{of.name}_sum", of.help, of.total, family=of.name)
    yield Gauge(f"{of.name}_count", of.help, of.count, family=of.name)


def _of_record() -> Iterable[Gauge]:
    now = timezone.now()
    if not ledger.is_empty():
        latest = ledger.latest_checkpoint()
        yield Gauge("onrecord_record_entries", "Entries under the latest signed checkpoint.", latest.size)
        yield Gauge("onrecord_record_checkpoint_timestamp_seconds", "Time of that checkpoint.", latest.at.timestamp())
    behind = bool(ledger.guard_problem())
    yield Gauge("onrecord_record_put_back", "1 while the rollback guard lets nothing be written.", behind)
    found = evidence_status(at=now)
    yield Gauge("onrecord_evidence_level", "Kinds of fresh outside evidence: 0, 1, or 2 and more.", LEVELS[found.level])
    yield Gauge("onrecord_evidence_problems", "Sources of outside evidence with a problem.", len(found.problems))


def _of_checks() -> Iterable[Gauge]:
    last = RecordCheck.objects.filter(state=RecordCheck.DONE).order_by("-done_at").first()
    if last is not None and last.done_at is not None:
        done_at = last.done_at.timestamp()
        yield Gauge("onrecord_check_sound", "1 where the last full check found nothing.", bool(last.is_sound))
        yield Gauge("onrecord_check_timestamp_seconds", "When the last full check ended.", done_at)
        yield Gauge("onrecord_check_duration_seconds", "How long it took.", last.duration_ms / 1000)
        yield Gauge("onrecord_check_problems", "How many problems it found.", last.problem_count)


def _of_alarms() -> Iterable[Gauge]:
    raised = Alarm.objects.filter(cleared_at=None).exclude(raised_at=None).values_list("kind", flat=True)
    active = set(raised)
    for kind in sorted(TITLES):
        yield Gauge("onrecord_alarm", "1 while this alarm is on.", kind in active, f'{{kind="{kind}"}}')


def _of_outboxes() -> Iterable[Gauge]:
    now = timezone.now()
    found = [(f'{{kind="{box.name}"}}', figures_of(box, at=now)) for box in registered()]
    for kind, box in found:
        yield Gauge("onrecord_outbox_waiting", "Work that waits for a worker or for its time.", box.waiting, kind)
    for kind, box in found:
        yield Gauge("onrecord_outbox_leased", "Work that a worker holds.", box.leased, kind)
    for kind, box in found:
        yield Gauge(
            "onrecord_outbox_parked", "Work that failed at its last try and waits for a person.", box.parked, kind
        )
    for kind, box in found:
        overdue_s = box.overdue.total_seconds()
        yield Gauge(
            "onrecord_outbox_overdue_seconds", "For how long the oldest due work has not begun.", overdue_s, kind
        )
    yield from _of_nudges()


def _of_nudges() -> Iterable[Gauge]:
    for box in registered():
        yield Gauge(
            "onrecord_nudges_total",
            "Times that this process had workers look at an outbox.",
            NUDGES_SENT[box.name],
            f'{{kind="{box.name}"}}',
        )
    for box in registered():
        yield Gauge(
            "onrecord_nudges_lost_total",
            "Times that it could not; the next sweep looks.",
            NUDGES_LOST[box.name],
            f'{{kind="{box.name}"}}',
        )


def _of_delivery() -> Iterable[Gauge]:
    """What this process's sockets did; each process has its own numbers."""
    for sample in delivery.samples():
        labels = f'{{reason="{sample.reason}"}}' if sample.reason else ""
        yield Gauge(sample.name, sample.help, sample.value, labels)
