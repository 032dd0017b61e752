"""Gives the tests their own environment before any settings are read, then sets Django up.

Imported first by conftest.py. Each pytest process (each xdist worker too) gets a folder of its own; the servers of the
PostgreSQL backend are started once, by the first process, and end with it. Must not import a model.
"""

import atexit
import os
import shutil
import sys
from pathlib import Path

import django
from django.conf import settings

from tests import services

BACKENDS = ("sqlite", "postgres")
BACKEND = os.environ.setdefault("ONRECORD_TEST_BACKEND", "sqlite")
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
# What a developer's shell may hold and the tests must not see.
FOREIGN = ("ONRECORD_PRODUCTION", "ONRECORD_PUBLIC_URL", "ONRECORD_KEY_DIR", "ONRECORD_EXPORT_DIR", "SECRET_KEY",
           "DATABASE_URL", "REDIS_URL", "PORT", "EMAIL_URL")  # fmt: skip


def _start_servers() -> None:
    """Start PostgreSQL and Redis and leave their addresses to ourselves and to the workers."""
    postgres, redis = services.start_postgres(), services.start_redis()
    for server in (postgres, redis):
        atexit.register(shutil.rmtree, server.folder, ignore_errors=True)
        atexit.register(server.stop)
    os.environ["ONRECORD_TEST_POSTGRES_URL"] = postgres.url
    os.environ["ONRECORD_TEST_REDIS_URL"] = redis.url


def _own_folder() -> Path:
    """Return this process's folder for keys, files and SQLite, below one that the first process removes."""
    if WORKER == "main":
        folder = services.new_folder("tests")
        os.environ["ONRECORD_TEST_FOLDER"] = str(folder)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    own = Path(os.environ["ONRECORD_TEST_FOLDER"]) / WORKER
    own.mkdir()
    return own


def _prepare() -> Path:
    if BACKEND not in BACKENDS:
        sys.exit(f"ONRECORD_TEST_BACKEND is {BACKEND!r}; it can be {' or '.join(BACKENDS)}.")
    for name in FOREIGN:
        os.environ.pop(name, None)
    var = _own_folder()
    os.environ |= {"DJANGO_SETTINGS_MODULE": "messenger.settings", "ONRECORD_VAR": str(var)}
    os.environ |= {"ONRECORD_TEST_HASHER": "true", "DJANGO_ALLOW_ASYNC_UNSAFE": "true", "LOG_LEVEL": "WARNING"}
    if BACKEND == "postgres":
        if WORKER == "main":
            _start_servers()
        os.environ["DATABASE_URL"] = os.environ["ONRECORD_TEST_POSTGRES_URL"]
        os.environ["REDIS_URL"] = os.environ["ONRECORD_TEST_REDIS_URL"]
    return var


def _use_test_database(var: Path) -> None:
    """Keep SQLite in a file: threads and sockets share it, and it runs with the product's WAL settings."""
    database = settings.DATABASES["default"]
    if BACKEND == "sqlite":
        database["TEST"] = {"NAME": str(var / "test.sqlite3")}
    # A kept connection would outlive the thread of a test and hold the test database open.
    database["CONN_MAX_AGE"] = 0


VAR = _prepare()
django.setup()
_use_test_database(VAR)
