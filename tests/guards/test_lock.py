"""The lock files hold what pyproject.toml asks for: exact versions, with hashes, without an index address."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.guards.source import ROOT

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = (ROOT / "requirements.lock").read_text(encoding="utf-8")
DEVELOPMENT = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")


def pins(lock: str) -> dict[str, Version]:
    return {canonicalize_name(name): Version(version) for name, version in PIN.findall(lock)}


def unmet(wanted: list[str], *, lock: str) -> list[str]:
    """Return the requirements that the lock file does not satisfy."""
    locked = pins(lock)
    found = []
    for text in wanted:
        requirement = Requirement(text)
        version = locked.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            found.append(text)
    return found


def test_the_lock_files_satisfy_pyproject() -> None:
    assert unmet(PROJECT["project"]["dependencies"], lock=RUNTIME) == []
    assert unmet(PROJECT["dependency-groups"]["dev"], lock=DEVELOPMENT) == []


def test_development_runs_on_the_versions_of_the_product() -> None:
    development = pins(DEVELOPMENT)
    assert {name: version for name, version in pins(RUNTIME).items() if development.get(name) != version} == {}


def test_every_pin_has_a_hash_and_no_address_is_inside() -> None:
    for lock in (RUNTIME, DEVELOPMENT):
        assert lock.count(" \\\n    --hash=sha256:") >= len(pins(lock)) > 0
        assert "://" not in lock


def test_the_guard_sees_a_missing_and_an_old_pin() -> None:
    lock = "django==5.2.1 \\\n    --hash=sha256:00\n"
    assert unmet(["Django>=5.2,<6"], lock=lock) == []
    assert unmet(["Django>=5.3", "celery"], lock=lock) == ["Django>=5.3", "celery"]
