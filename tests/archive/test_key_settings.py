"""The settings of the keys: secrets come from a value or a file, and a bad one stops the start with a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT

TOKEN = {"ONRECORD_PKCS11_MODULE": "/usr/lib/library.so", "ONRECORD_PKCS11_TOKEN": "firm"}
PRINT = "from messenger import settings as s; print(repr((s.ONRECORD_KEY_PASSPHRASE, s.ONRECORD_PKCS11_PIN)))"


def start(values: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PRINT]
    return subprocess.run(command, env=os.environ | values, cwd=ROOT, check=False, capture_output=True, text=True)


def test_secrets_come_from_the_first_line_of_a_file(tmp_path: Path) -> None:
    passphrase, pin = tmp_path / "passphrase", tmp_path / "pin"
    passphrase.write_text("correct horse  battery\nnot this\n")
    pin.write_text("1234")
    started = start(TOKEN | {"ONRECORD_KEY_PASSPHRASE_FILE": str(passphrase), "ONRECORD_PKCS11_PIN_FILE": str(pin)})
    assert started.stdout.strip() == repr(("correct horse  battery", "1234")), started.stderr


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ONRECORD_KEY_PASSPHRASE": "short"}, "at least 12 characters"),
        ({"ONRECORD_KEY_PASSPHRASE_FILE": "/nowhere"}, "ONRECORD_KEY_PASSPHRASE_FILE cannot be read"),
        ({"ONRECORD_KEY_PASSPHRASE_FILE": os.devnull}, "ONRECORD_KEY_PASSPHRASE_FILE is empty"),
        ({"ONRECORD_KEY_PASSPHRASE": "x" * 12, "ONRECORD_KEY_PASSPHRASE_FILE": "/x"}, "are both set"),
        (TOKEN, "ONRECORD_PKCS11_PIN (or _FILE) are needed too"),
    ],
)
def test_a_bad_value_stops_the_start_and_is_not_repeated(values: dict[str, str], words: str) -> None:
    started = start(values)
    last = started.stderr.strip().splitlines()[-1]
    assert last.startswith("django.core.exceptions.ImproperlyConfigured: ")
    assert words in last
    assert "short" not in last.replace("too short", "")
