"""`make check`: every check that needs no test server, all of them run, one on each processor, and a summary.

Must not change a file. A new check is one more line in CHECKS.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(sys.executable).parent
MANAGE = (sys.executable, "manage.py")
# Enough of a production environment to be judged; nothing connects to it.
PRODUCTION = {
    "ONRECORD_PRODUCTION": "true",
    "ONRECORD_PUBLIC_URL": "https://chat.firm.example",
    "ONRECORD_ORIGIN": "firm.example/record",
    "DATABASE_URL": "postgres://onrecord@db.firm.example/onrecord",
    "REDIS_URL": "redis://bus.firm.example:6379/0",
    "SECRET_KEY": "not-a-secret-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
}


@dataclass(frozen=True)
class Check:
    """One command that says yes (exit code 0) or no."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    needs: str = ""  # a file or folder without which the check is left out, loudly


CHECKS = (
    Check("ruff", (str(BIN / "ruff"), "check", "--output-format", "concise", ".")),
    Check("format", (str(BIN / "ruff"), "format", "--check", "--output-format", "concise", ".")),
    Check("templates", (str(BIN / "djlint"), "templates", "--lint", "--quiet")),
    Check("imports", (str(BIN / "lint-imports"), "--no-cache")),
    Check("migrations", (*MANAGE, "makemigrations", "--check", "--dry-run")),
    Check("deployment", (*MANAGE, "check", "--deploy", "--fail-level", "WARNING"), PRODUCTION),
    Check("types", (str(BIN / "mypy"),)),
    Check("js types", ("node_modules/.bin/tsc", "--project", "jsconfig.json"), needs="node_modules"),
    Check("js vendor", ("sh", "tools/check_vendor.sh"), needs="node_modules"),
    Check("guards", (sys.executable, "-m", "pytest", "-q", "tests/guards")),
)


@dataclass(frozen=True)
class Outcome:
    """What a check said, and how many seconds it took."""

    passed: bool
    said: str
    seconds: float


def run(check: Check, *, var: Path) -> Outcome:
    """Run one check, with a folder of its own for what the product keeps."""
    environment = os.environ | {"ONRECORD_VAR": str(var / check.name.replace(" ", "-"))}
    started = time.monotonic()
    done = subprocess.run(
        check.command, env=environment | check.environment, capture_output=True, text=True, check=False
    )
    return Outcome(done.returncode == 0, (done.stdout + done.stderr).strip(), time.monotonic() - started)


def report(check: Check, outcome: Outcome) -> None:
    """Print the line of one check, and what it said when it failed."""
    print(f"{check.name:<12} {'ok' if outcome.passed else 'FAILED':<7} {outcome.seconds:5.1f} s", flush=True)
    if not outcome.passed:
        print(outcome.said, end="\n\n", flush=True)


def can_run(check: Check) -> bool:
    """Say whether what a check needs is there, and loudly when it is not."""
    is_there = not check.needs or Path(check.needs).exists()
    if not is_there:
        print(f"{check.name:<12} LEFT OUT: {check.needs} is missing (npm ci --ignore-scripts)", flush=True)
    return is_there


def main() -> int:
    checks = [check for check in CHECKS if can_run(check)]
    with tempfile.TemporaryDirectory(prefix="onrecord-check-") as var, ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = []
        for check, outcome in zip(checks, pool.map(lambda check: run(check, var=Path(var)), checks), strict=True):
            report(check, outcome)
            failed += [] if outcome.passed else [check.name]
    print(f"make check: {', '.join(failed)} failed" if failed else "make check: everything passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
