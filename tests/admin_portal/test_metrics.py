"""The numbers for a monitoring system: who gets them, that they can be read, and that they follow what happens."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from admin_portal.metrics import Gauge, exposition
from archive import ledger
from messenger.delivery import metrics as delivery
from tests.admin_portal.conftest import Office, say
from tests.admin_portal.test_alarms import check_now, failed_check
from tests.admin_portal.test_pages import SECRETS
from tests.guards.source import ROOT

TOKEN = "a-long-token-for-the-monitor"
LINE = re.compile(
    r'# (HELP|TYPE) onrecord_[a-z_]+ .+|onrecord_[a-z_]+(\{(kind|reason|le)="[A-Za-z0-9_.+]+"\})? -?[0-9.e+-]+'
)


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
    delivery.LAG.observe(0.2)
    delivery.LAG.observe(60)
    after, text = numbers(), ask().content.decode()
    dropped = 'onrecord_frames_dropped_total{reason="too_slow"}'
    assert after[dropped] == before.get(dropped, 0) + 3
    lag = "onrecord_hub_lag_seconds"
    told = [
        after[part] - before[part]
        for part in (f"{lag}_count", f'{lag}_bucket{{le="0.1"}}', f'{lag}_bucket{{le="0.25"}}')
    ]
    assert told == [2, 0, 1]
    assert after[f'{lag}_bucket{{le="+Inf"}}'] == after[f"{lag}_count"]
    assert after[f"{lag}_sum"] == pytest.approx(before[f"{lag}_sum"] + 60.2)
    assert text.count(f"# TYPE {lag} histogram") == 1
    assert set(delivery.HELP) <= {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    assert "# TYPE onrecord_frames_dropped_total counter" in text
    assert "# TYPE onrecord_sockets_open gauge" in text


@pytest.mark.django_db(transaction=True)
def test_they_say_what_the_writer_did(office: Office) -> None:
    before = numbers()
    for _ in range(3):
        say(office.cast.alice, office.talk, "once more")
    after = numbers()
    grown = {name: after[name] - before[name] for name in after if name.endswith(("_count", "_sum"))}
    assert grown["onrecord_posts_together_sum"] == grown["onrecord_post_wait_seconds_count"] == 3
    assert grown["onrecord_posts_together_count"] == 3, "one after the other, each alone"
    assert grown["onrecord_commit_actions_sum"] == grown["onrecord_writer_wait_seconds_count"] == 3
    assert grown["onrecord_commit_seconds_count"] == grown["onrecord_commit_actions_count"] == 3
    assert grown["onrecord_commit_seconds_sum"] > 0
    assert after["onrecord_writer_waiting"] == 0


def test_every_name_is_explained_to_who_runs_it_and_no_other(office: Office) -> None:
    check_now(office)
    shown = {line.split()[2] for line in ask().content.decode().splitlines() if line.startswith("# TYPE")}
    section = (
        (ROOT / "docs" / "running.md").read_text(encoding="utf-8").partition("## Health\n")[2].partition("\n## ")[0]
    )
    assert set(re.findall(r"^\| `(onrecord_[a-z_]+)`", section, re.MULTILINE)) == shown
