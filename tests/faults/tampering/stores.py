"""A record in a store of its own, whose files an attacker edits while nothing runs: SQLite file or PostgreSQL cluster.

It must not touch the store that the other tests use: Django's connection is turned to this one, and turned back.
"""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from archive import ledger
from tests import services
from tests.environment import BACKEND
from tests.faults.tampering.attack import SEED, fetch
from tests.faults.tampering.history import grow

SIZE = 24


class FileStore:
    """A SQLite file. `start` and `stop` are the connection's."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "attacked.sqlite3"
        self._clean = folder / "clean.sqlite3"

    def create(self) -> None:
        self.start()

    def start(self) -> None:
        connection.close()
        connection.settings_dict["NAME"] = str(self.path)

    def stop(self) -> None:
        """Leave everything in the one file, as a server that ends properly does."""
        connection.close()
        with closing(sqlite3.connect(self.path)) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def keep(self) -> None:
        shutil.copyfile(self.path, self._clean)

    def restore(self) -> None:
        connection.close()
        for name in (self.path.name, f"{self.path.name}-wal", f"{self.path.name}-shm"):
            self.path.with_name(name).unlink(missing_ok=True)
        shutil.copyfile(self._clean, self.path)

    def let_go(self) -> None:
        connection.close()

    def heaps(self) -> list[Path]:
        return [self.path]


class ClusterStore:
    """A private PostgreSQL, stopped for each edit. Edits are taken back byte by byte, so nothing is copied."""

    def __init__(self) -> None:
        self._server = services.PostgresServer(folder=services.new_folder("attacked"))

    def create(self) -> None:
        self._server.prepare()
        self._server.start()
        self._server.create_database()
        self._turn()

    def start(self) -> None:
        self._server.start()
        self._turn()

    def stop(self) -> None:
        self._disconnect()
        self._server.stop()

    def keep(self) -> None:
        """Nothing: see the class."""

    def restore(self) -> None:
        self.stop()

    def let_go(self) -> None:
        self.stop()

    def heaps(self) -> list[Path]:
        return sorted(path for path in (self._server.folder / "data" / "base").rglob("*") if path.is_file())

    def _turn(self) -> None:
        self._disconnect()
        server = {"NAME": "onrecord", "USER": "onrecord", "HOST": "127.0.0.1"}
        connection.settings_dict.update(server, PORT=self._server.port, PASSWORD=self._server.password)

    def _disconnect(self) -> None:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it


Store = FileStore | ClusterStore


@contextmanager
def attacked_store(folder: Path) -> Iterator[Store]:
    """Give a stopped store that holds a sound record of SIZE entries."""
    before = dict(connection.settings_dict)
    store: Store = FileStore(folder) if BACKEND == "sqlite" else ClusterStore()
    try:
        # A guard of its own: the one of the other tests would see a database that was put back.
        with override_settings(ONRECORD_GUARD=folder / "guard"):
            store.create()
            call_command("migrate", "archive", verbosity=0)
            grow(random.Random(SEED), size=SIZE)
            assert ledger.check().is_sound, "control: before the first attack"
            store.stop()
            store.keep()
            yield store
    finally:
        store.let_go()
        connection.settings_dict.clear()
        connection.settings_dict.update(before)


def evidence() -> list[tuple[int, bytes]]:
    """Return the number and the bytes of everything that an edit of the files may aim at."""
    tables = (("archive_leaf", "data"), ("archive_entry", "ciphertext"), ("archive_recordkey", "wrapped"))
    found: list[tuple[int, bytes]] = []
    for table, column in tables:
        for seq, value in fetch(f"SELECT seq, {column} FROM {table} ORDER BY seq"):  # noqa: S608 (names above)
            assert isinstance(seq, int) and isinstance(value, bytes)
            found.append((seq, value))
    return found
