"""`manage.py serve`: HTTP, WebSocket, worker and clock in one process, nothing to configure."""

import os
import signal
import socket
import threading
from typing import Any

from channels.routing import get_default_application
from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from psycopg.errors import InsufficientPrivilege

from archive import ledger
from messenger.embedded import EmbeddedWorker
from messenger.people.firm import is_founded
from messenger.web.assets import collect_static_files
from messenger.web.bodies import seal_bodies_of_daphne
from messenger.web.first_run import first_run_token
from messenger.web.inflow import bound_frames_of_daphne, read_protocols_of_daphne

END_S = 20.0  # less than what service managers allow before they kill


class Command(BaseCommand):
    """Serve the whole product; Ctrl-C stops it cleanly."""

    help = "Serve OnRecord (HTTP, WebSocket, worker and clock) in one process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: this machine only)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="port (default: the PORT variable, 8000)")
        parser.add_argument("--no-worker", action="store_true", help="leave the work to Celery (production)")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.ONRECORD_PRODUCTION and not options["no_worker"]:
            raise CommandError("In production run Celery's worker and beat, and serve with --no-worker.")
        _refuse_taken_port(options["host"], options["port"])
        _migrate()
        collect_static_files()
        _confirm_identity()
        worker = None if options["no_worker"] else EmbeddedWorker()
        if worker is not None:
            worker.start()
        try:
            self._listen(options["host"], options["port"])
        finally:
            _bound_the_end()
            if worker is not None:
                worker.stop()
            ledger.stop_writer()
        self.stdout.write("OnRecord has stopped.")
        self.stdout.flush()

    def _listen(self, host: str, port: int) -> None:
        seal_bodies_of_daphne()
        bound_frames_of_daphne()
        read_protocols_of_daphne()
        server = Server(
            # Loaded only now: whitenoise lists the collected files as the application is made.
            application=get_default_application(),
            endpoints=build_endpoint_description_strings(host=host, port=port),
            websocket_max_message_size=settings.ONRECORD_FRAME_BYTES,
            websocket_max_frame_size=settings.ONRECORD_FRAME_BYTES,
            ready_callable=lambda: self._announce(port),
            server_name="onrecord",
            verbosity=0,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            # A shell that starts us in the background hands SIGINT down as ignored.
            signal.signal(number, signal.default_int_handler)
        server.run()

    def _announce(self, port: int) -> None:
        self.stdout.write(f"OnRecord is at {settings.ONRECORD_PUBLIC_URL} (Ctrl-C stops it)")
        if not is_founded():
            self.stdout.write(f"First run: open {settings.ONRECORD_PUBLIC_URL}/welcome/{first_run_token()}/")
        self.stdout.flush()


def _bound_the_end() -> None:
    """Leave after END_S whatever happens: at its end Python waits for the threads of pools, which may wait themselves,
    for a database that says nothing. What they were about is not acknowledged: it is committed or not, as after a kill.
    """
    end = threading.Timer(END_S, os._exit, args=[0])
    end.daemon = True
    end.start()


def _migrate() -> None:
    """Bring the database up to date; where its roles leave that to the owner, stop with a sentence."""
    try:
        call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as error:
        if not _is_forbidden(error):
            raise
        raise CommandError(
            "The database is not up to date, and this role may not change its tables: run `manage.py migrate` as the "
            "owner (docs/running.md, section The roles of the database)."
        ) from error


def _is_forbidden(error: BaseException | None) -> bool:
    if error is None or isinstance(error, InsufficientPrivilege):
        return error is not None
    return _is_forbidden(error.__cause__ or error.__context__)


def _refuse_taken_port(host: str, port: int) -> None:
    """Stop before anything is touched when somebody listens there already."""
    try:
        with socket.create_server((host, port)):
            return
    except OSError as error:
        raise CommandError(
            f"Nothing can listen at {host}:{port} ({error.strerror}). Choose another: PORT=8123."
        ) from error


def _confirm_identity() -> None:
    """Stop with a sentence where database, settings and keys do not belong together; nothing has been written then."""
    try:
        ledger.confirm_identity()
    except (ledger.KeyMissing, ledger.ForeignRecord) as error:
        raise CommandError(str(error)) from error
