"""`make test`: installs what is missing when it may, then runs pytest on SQLite and on PostgreSQL with Redis.

Says what is missing, runs what it can, and ends with pytest's own summary. With CI=true nothing may be left out.
"""

import os
import shutil
import subprocess
import sys

from tests import services

# One more than processors: many tests wait for servers, browsers and the disk.
WORKERS = str(min(os.cpu_count() or 1, 4) + 1)
FONT_PACKAGE = "fonts-noto-color-emoji"  # without it Chromium shows boxes for emoji in the screenshots


def install_missing() -> None:
    """Install the missing Debian packages when we are root on a Debian; else leave things as they are."""
    packages = [program.package for program in services.programs() if program.path is None]
    if not packages or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    if "chromium" in packages:
        packages.append(FONT_PACKAGE)
    print(f"Installing Debian packages: {' '.join(packages)}", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=environment, check=False)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], env=environment,
                   stdout=subprocess.DEVNULL, check=False)  # fmt: skip


def say_what_is_missing() -> None:
    missing = [program for program in services.programs() if program.path is None]
    for program in missing:
        print(f"MISSING: {program.name}. On Debian, as root: apt-get install {program.package}", flush=True)


def has_servers() -> bool:
    return services.find_postgres() is not None and services.find_redis() is not None


def run_pytest(backend: str, *, notes: list[str], arguments: list[str]) -> int:
    print(f"\n=== pytest on {backend} ===", flush=True)
    environment = os.environ | {"ONRECORD_TEST_BACKEND": backend, "ONRECORD_TEST_NOTES": "\n".join(notes)}
    command = [sys.executable, "-m", "pytest", "-q", "-n", WORKERS, "--dist", "loadgroup", *arguments]
    return subprocess.run(command, env=environment, check=False).returncode


def main(arguments: list[str]) -> int:
    install_missing()
    say_what_is_missing()
    if not has_servers():
        notes = ["LEFT OUT: the whole pass on PostgreSQL and Redis (see MISSING above)"]
        code = run_pytest("sqlite", notes=notes, arguments=arguments)
        return code or (1 if os.environ.get("CI", "").lower() == "true" else 0)
    first = run_pytest("sqlite", notes=[], arguments=arguments)
    notes = ["the pass on SQLite: " + ("passed" if first == 0 else f"FAILED, see above (exit code {first})")]
    second = run_pytest("postgres", notes=notes, arguments=arguments)
    return first or second


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
