"""Gives the tests their own environment before any settings are read, then sets Django up.

Imported first by conftest.py. Each pytest process (each xdist worker too) gets a folder and a Redis of its own; all
share one PostgreSQL, each with its own database. What a process starts ends with it. Must not import a model.
"""

import atexit
import os
import shutil
import sys
from pathlib import Path

import django
from django.conf import settings
from django.db import connection

from tests import services

BACKENDS = ("sqlite", "postgres")
BACKEND = os.environ.setdefault("ONRECORD_TEST_BACKEND", "sqlite")
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
# What a developer's shell may hold and the tests must not see.
FOREIGN = ("ONRECORD_PRODUCTION", "ONRECORD_PUBLIC_URL", "ONRECORD_KEY_DIR", "ONRECORD_EXPORT_DIR", "SECRET_KEY",
           "ONRECORD_KEY_PASSPHRASE", "ONRECORD_KEY_PASSPHRASE_FILE", "ONRECORD_PKCS11_MODULE",
           "DATABASE_URL", "REDIS_URL", "PORT", "EMAIL_URL")  # fmt: skip


def _postgres_url() -> str:
    """Return the address of the one PostgreSQL of this run, starting it in the first process."""
    if WORKER == "main":
        server = services.start_postgres()
        atexit.register(server.stop)
        os.environ["ONRECORD_TEST_POSTGRES_URL"] = server.url
    return os.environ["ONRECORD_TEST_POSTGRES_URL"]


def _redis_url() -> str:
    """Return the address of this process's own Redis: what it publishes reaches every database of a server."""
    server = services.start_redis()
    atexit.register(server.stop)
    return server.url


def _own_folder() -> Path:
    """Return this process's folder for keys, files and SQLite, below one that the first process removes."""
    if WORKER == "main":
        os.environ.pop("ONRECORD_TEST_FOLDER", None)
        folder = services.new_folder("tests")
        folder.chmod(0o711)  # PostgreSQL runs as somebody else and must reach its folder
        os.environ["ONRECORD_TEST_FOLDER"] = str(folder)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    own = Path(os.environ["ONRECORD_TEST_FOLDER"]) / WORKER
    own.mkdir(mode=0o700)
    return own


def _prepare() -> Path:
    if BACKEND not in BACKENDS:
        sys.exit(f"ONRECORD_TEST_BACKEND is {BACKEND!r}; it can be {' or '.join(BACKENDS)}.")
    if settings.configured:
        sys.exit("Django's settings were read before the tests could prepare them: unset DJANGO_SETTINGS_MODULE.")
    for name in FOREIGN:
        os.environ.pop(name, None)
    var = _own_folder()
    os.environ |= {"DJANGO_SETTINGS_MODULE": "messenger.settings", "ONRECORD_VAR": str(var)}
    os.environ |= {"ONRECORD_TEST_HASHER": "true", "DJANGO_ALLOW_ASYNC_UNSAFE": "true", "LOG_LEVEL": "WARNING"}
    if BACKEND == "postgres":
        os.environ |= {"DATABASE_URL": _postgres_url(), "REDIS_URL": _redis_url()}
    return var


def _use_test_database(var: Path) -> None:
    """Keep SQLite in a file: threads and sockets share it, and it runs with the product's WAL settings."""
    if BACKEND == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(var / "test.sqlite3")


def _use_plain_static_names() -> None:
    """Hashed names come from `collectstatic`, which `manage.py serve` runs; tests inside this process go without."""
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STATIC_ROOT.mkdir(exist_ok=True)


VAR = _prepare()
django.setup()
# The workers of pytest-xdist inherit our environment, and with this name in it pytest-django would read the settings
# before the worker has prepared its own.
del os.environ["DJANGO_SETTINGS_MODULE"]
_use_plain_static_names()
_use_test_database(VAR)
