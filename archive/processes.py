"""Work in processes of their own, started fresh (spawn): what a process begins with, and how it calls a function.

It must not load a model: a new process imports this before Django is set up. So functions are given by name.
"""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import django
from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string


def start_workers(count: int) -> ProcessPoolExecutor:
    """Return a pool of processes with our settings and database, each with a connection of its own."""
    return ProcessPoolExecutor(
        count,
        mp_context=multiprocessing.get_context("spawn"),  # a copy of a process with threads would inherit their locks
        initializer=begin,
        initargs=(
            settings.SETTINGS_MODULE,
            str(connection.settings_dict["NAME"]),
            settings.ONRECORD_KEY_DIR,
            settings.ONRECORD_ORIGIN,
        ),
    )


def begin(settings_module: str, database: str, key_dir: Path, origin: str) -> None:
    """Set Django up in a new process, which ends with the one that started it."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module)
    django.setup()
    settings.ONRECORD_KEY_DIR, settings.ONRECORD_ORIGIN = key_dir, origin
    connection.settings_dict["NAME"] = database


def _end_with_parent() -> None:
    # Who was killed cannot tell its workers to stop: they would wait for work for ever. They only read.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def call(function: str, *arguments: object) -> object:
    """Call a function by its dotted name."""
    return import_string(function)(*arguments)
