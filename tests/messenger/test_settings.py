"""A bad value in the environment stops the start with a sentence that names it."""

import os
import re
import subprocess
import sys

import pytest

from tests.stack import ROOT

BAD_VALUES = (
    ("PORT", "70000"),
    ("PORT", "eighty"),
    ("LOG_LEVEL", "LOUD"),
    ("ONRECORD_ORIGIN", "two words"),
    ("ONRECORD_ORIGIN", "firm+record"),
    ("ONRECORD_ORIGIN", ""),
    ("ONRECORD_SWEEP_S", "0"),
    ("ONRECORD_DB_POOL", "many"),
    ("ONRECORD_EXTRA_ORIGINS", "chat.firm.example"),
    ("ONRECORD_EXTRA_ORIGINS", "https://chat.firm.example/"),
    ("ONRECORD_CARRIER", "pigeon"),
    ("ONRECORD_CHECK_AT", "25:00"),
    ("ONRECORD_CHECK_AT", "never"),
    ("ONRECORD_TIME_ZONE", "Atlantis"),
    ("ONRECORD_METRICS_TOKEN", "short"),
    ("EMAIL_URL", "mail.firm.example"),
    ("DATABASE_URL", "mysql://user@host/name"),
)


def _start(then: str = "", **values: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"import messenger.settings as its; {then}"]
    return subprocess.run(command, env=os.environ | values, cwd=ROOT, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_bad_value_stops_the_start_with_a_sentence_that_names_it(name: str, value: str) -> None:
    started = _start(**{name: value})
    assert started.returncode == 1
    last = started.stderr.strip().splitlines()[-1]
    assert last.startswith("django.core.exceptions.ImproperlyConfigured: ")
    assert name in last


def test_production_names_its_record_itself() -> None:
    production = {
        "ONRECORD_PRODUCTION": "true",
        "ONRECORD_TEST_HASHER": "false",
        "ONRECORD_PUBLIC_URL": "https://chat.firm.example",
        "DATABASE_URL": "postgres://onrecord@db.firm.example/onrecord",
        "REDIS_URL": "redis://bus.firm.example:6379/0",
        "SECRET_KEY": "not a secret",
    }
    unnamed = _start(**production)
    assert "ONRECORD_ORIGIN is missing" in unnamed.stderr.strip().splitlines()[-1]
    named = _start(**production, ONRECORD_ORIGIN="firm.example/record")
    assert named.returncode == 0, named.stderr


@pytest.mark.parametrize("check_at", ["off", "03:30"])
def test_good_values_let_it_start(check_at: str) -> None:
    good = {"PORT": "8123", "ONRECORD_EXTRA_ORIGINS": "https://chat.firm.example", "LOG_LEVEL": "debug"}
    started = _start(**good, ONRECORD_CHECK_AT=check_at, ONRECORD_TIME_ZONE="Europe/Berlin")
    assert started.returncode == 0, started.stderr


@pytest.mark.parametrize(
    ("begins", "secured"),
    [("submission:", (True, False)), ("smtp:", (False, True)), ("smtp://host:25", (False, False))],
)
def test_the_mail_servers_of_the_documentation_are_understood_and_waited_for_within_bounds(
    begins: str, secured: tuple[bool, bool]
) -> None:
    row = re.search(r"^\| `EMAIL_URL` .*$", (ROOT / "docs" / "running.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert row is not None
    url = next(shown for shown in re.findall(r"`([a-z+]+://[^`]+)`", row[0]) if shown.startswith(begins))
    told = _start("print((its.EMAIL_USE_TLS, its.EMAIL_USE_SSL), its.EMAIL_TIMEOUT)", EMAIL_URL=url)
    assert told.stdout.strip() == f"{secured} 20", told.stderr
    mark = "&" if "?" in url else "?"
    assert _start("print(its.EMAIL_TIMEOUT)", EMAIL_URL=f"{url}{mark}timeout=7").stdout.strip() == "7"
