"""The numbers for a monitoring system: who gets them, that they can be read, and that they follow what happens."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from admin_portal.metrics import Gauge, exposition
from archive import ledger
from messenger.delivery import metrics as delivery
from tests.admin_portal.conftest import Office
from tests.admin_portal.test_alarms import check_now, failed_check
from tests.admin_portal.test_pages import SECRETS

TOKEN = "a-long-token-for-the-monitor"
LINE = re.compile(r'# (HELP|TYPE) onrecord_[a-z_]+ .+|onrecord_[a-z_]+(\{(kind|reason)="[a-z0-9_]+"\})? -?[0-9.e+-]+')


def ask(**headers: Any) -> Any:  # Any: Django's test client answers with classes of its own
    return Client().get("/metrics", **headers)


def numbers() -> dict[str, float]:
    lines = ask().content.decode().splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_this_machine_may_read_them_where_no_proxy_stands_before_us(office: Office, settings: Settings) -> None:
    answer = ask()
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert ask(REMOTE_ADDR="192.0.2.7").status_code == 404
    for header in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP"):
        assert ask(**{header: "192.0.2.7"}).status_code == 404, "a proxy that the settings do not know of"
    settings.ONRECORD_TRUSTED_PROXIES = 1
    assert ask().status_code == 404, "every request of the proxy comes from this machine"


def test_with_a_token_only_the_token_counts(office: Office, settings: Settings) -> None:
    settings.ONRECORD_METRICS_TOKEN, settings.ONRECORD_TRUSTED_PROXIES = TOKEN, 1
    assert ask(HTTP_AUTHORIZATION=f"Bearer {TOKEN}", REMOTE_ADDR="192.0.2.7").status_code == 200
    for given in ("", TOKEN, f"Bearer {TOKEN}x", f"bearer {TOKEN}", "Bearer ünrecht"):
        assert ask(HTTP_AUTHORIZATION=given).status_code == 404
    assert ask().status_code == 404


def test_they_follow_the_record_and_hold_no_content(office: Office) -> None:
    before = numbers()
    assert before["onrecord_record_entries"] == ledger.latest_checkpoint().size
    assert (before["onrecord_evidence_level"], before["onrecord_record_put_back"]) == (0, 0)
    assert "onrecord_check_sound" not in before
    done_at = check_now(office).done_at
    assert numbers()["onrecord_check_sound"] == 1
    assert done_at is not None
    assert numbers()["onrecord_check_timestamp_seconds"] == done_at.timestamp()
    assert numbers()['onrecord_alarm{kind="check"}'] == 0
    failed_check(office)
    assert (numbers()["onrecord_check_sound"], numbers()['onrecord_alarm{kind="check"}']) == (0, 1)
    said = ask().content.decode()
    assert [word for word in (*SECRETS, "Alice", "alice@") if word in said] == []


def test_a_name_is_explained_once_and_no_digit_is_lost() -> None:
    gauges = [Gauge("a", "What.", 1, '{k="x"}'), Gauge("a", "What.", 0.5, '{k="y"}')]
    text = exposition([*gauges, Gauge("b", "Else.", 1_795_300_001.5)])
    assert text.splitlines() == [
        "# HELP a What.",
        "# TYPE a gauge",
        'a{k="x"} 1.0',
        'a{k="y"} 0.5',
        "# HELP b Else.",
        "# TYPE b gauge",
        "b 1795300001.5",
    ]


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_nothing_but_reading_is_allowed(office: Office, method: str) -> None:
    assert getattr(Client(), method)("/metrics").status_code == 405


def test_they_say_what_delivery_did(office: Office) -> None:
    before = numbers()
    delivery.count(delivery.DROPPED, 3, reason="too_slow")
    delivery.count(delivery.LAG_SUM, 0.25)
    after, text = numbers(), ask().content.decode()
    dropped = 'onrecord_frames_dropped_total{reason="too_slow"}'
    assert after[dropped] == before.get(dropped, 0) + 3
    assert after["onrecord_hub_lag_seconds_sum"] == before["onrecord_hub_lag_seconds_sum"] + 0.25
    assert set(delivery.HELP) <= {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    assert "# TYPE onrecord_frames_dropped_total counter" in text
    assert "# TYPE onrecord_sockets_open gauge" in text
