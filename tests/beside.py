"""Programs that run beside a test, as processes on its database. Must never be imported by the product."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def program(module: str, *arguments: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a program of the tests on the test's database and keys; it is killed at the end."""
    own = {"DATABASE_URL": database_url(), "ONRECORD_KEY_DIR": str(settings.ONRECORD_KEY_DIR)}
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=os.environ | own | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def tell(process: "subprocess.Popen[str]", order: str) -> None:
    """Write a line to a program."""
    assert process.stdin is not None
    process.stdin.write(f"{order}\n")
    process.stdin.flush()


def hear(process: "subprocess.Popen[str]") -> str:
    """Return the next line of a program, "" after its end."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def database_url() -> str:
    """Return the address of the test's database."""
    where = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{where['NAME']}"
    return f"postgres://{where['USER']}:{where['PASSWORD']}@{where['HOST']}:{where['PORT']}/{where['NAME']}"
