"""What the embedded mode keeps is closed to the other accounts of the machine, whatever the umask of who starts it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from messenger.own_files import private_database, private_folder
from tests.stack import ROOT

OPENS_ITS_STORE = """
import django, os, stat
django.setup()
from django.conf import settings
from django.db import connection
connection.cursor().execute("CREATE TABLE IF NOT EXISTS words (body TEXT)")
connection.cursor().execute("INSERT INTO words VALUES ('x')")
var = settings.ONRECORD_VAR
for path in (var, *sorted(var.iterdir())):
    print(path.relative_to(var), oct(stat.S_IMODE(path.stat().st_mode)))
"""


def _open_store(var: Path) -> dict[str, str]:
    """Start the product over the folder with the usual umask; return the mode of everything in it while it runs."""
    environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "messenger.settings", "ONRECORD_VAR": str(var)}
    command = [sys.executable, "-c", OPENS_ITS_STORE]
    told = subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True, umask=0o022)
    return dict(line.rsplit(" ", 1) for line in told.stdout.splitlines())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_no_other_account_can_read_a_new_store(tmp_path: Path) -> None:
    modes = _open_store(tmp_path / "var")
    assert {"onrecord.sqlite3", "onrecord.sqlite3-wal", "onrecord.sqlite3-shm", "mail"} < set(modes)
    assert modes == {name: "0o700" if name in (".", "mail") else "0o600" for name in modes}


def test_a_store_that_others_could_read_is_closed_and_its_folder_left_as_the_firm_made_it(tmp_path: Path) -> None:
    var = tmp_path / "var"
    _open_store(var)
    for tail in ("-wal", "-shm"):  # as another process that runs would have them
        (var / f"onrecord.sqlite3{tail}").touch()
    for path in var.iterdir():
        path.chmod(0o755 if path.is_dir() else 0o644)
    var.chmod(0o750)
    modes = _open_store(var)
    assert modes.pop(".") == "0o750"
    assert modes.pop("secret") == "0o644"  # made closed, so it was opened by hand
    assert modes == {name: "0o700" if name == "mail" else "0o600" for name in modes}


def test_what_is_closed_more_tightly_stays_so(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o500)
    assert private_folder(folder) == folder
    assert mode_of(folder) == 0o500


def test_a_database_in_memory_makes_no_file(tmp_path: Path) -> None:
    before = set(Path.cwd().iterdir())
    private_database(":memory:")
    assert set(Path.cwd().iterdir()) == before
