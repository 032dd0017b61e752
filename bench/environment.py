"""A database of its own for one benchmark process: settings, servers, migrations; all of it gone when the process ends.

Imported first by every benchmark, because it sets Django up. Must not touch the store of a checkout.
"""

import atexit
import os
import shutil
from pathlib import Path

import django
from django.core.management import call_command

from tests import services

BACKENDS = ("sqlite", "postgres")
BACKEND = os.environ.get("ONRECORD_BENCH_BACKEND", "sqlite")


def _prepare() -> Path:
    folder = services.new_folder("bench")
    folder.chmod(0o711)  # PostgreSQL runs as somebody else and must reach its folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ |= {"DJANGO_SETTINGS_MODULE": "messenger.settings", "ONRECORD_VAR": str(folder / "var")}
    os.environ["ONRECORD_TEST_FOLDER"] = str(folder)
    os.environ.pop("DATABASE_URL", None)
    if BACKEND == "postgres":
        server = services.start_postgres()
        atexit.register(server.stop)
        os.environ["DATABASE_URL"] = server.url
    return folder


FOLDER = _prepare()
django.setup()
call_command("migrate", verbosity=0)
