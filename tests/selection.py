"""Which tests run on which backend, in which order, and what a skip means.

Every test runs on SQLite. On PostgreSQL run those that can differ: all that use the database, and all marked `both`.
With CI=true a skip is a failure: what was not run was not shown.
"""

import gc
import os
from pathlib import Path

import pytest

from tests import services
from tests.environment import BACKEND

# These start servers or browsers of their own: one at a time, and first, because they take longest.
HEAVY_FOLDERS = frozenset({"browser", "faults", "flows"})
GARBAGE_STEP = 20_000  # new objects between two rounds of the garbage collector
DATABASE_FIXTURES = frozenset({"db", "transactional_db", "_django_db_helper", "live_server"})


def is_in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"true", "1"}


def uses_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(DATABASE_FIXTURES & fixtures)


def is_heavy(item: pytest.Item) -> bool:
    """Say whether a test starts servers; also one that shares the running product, so that there is one of it."""
    return bool(HEAVY_FOLDERS & set(Path(item.path).parts)) or "stack" in getattr(item, "fixturenames", ())


def is_for_this_backend(item: pytest.Item) -> bool:
    only = item.get_closest_marker("backend")
    if only is not None:
        return bool(only.args[0] == BACKEND)
    can_differ = uses_database(item) or is_heavy(item) or item.get_closest_marker("both") is not None
    return BACKEND == "sqlite" or can_differ


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what cannot differ here; put the heavy tests first and in one group, so that one runs at a time."""
    left_out = [item for item in items if not is_for_this_backend(item)]
    items[:] = sorted((item for item in items if is_for_this_backend(item)), key=lambda item: not is_heavy(item))
    for item in filter(is_heavy, items):
        item.add_marker(pytest.mark.xdist_group("heavy"))
    if left_out:
        config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish() -> None:
    """Leave out of the garbage collector's rounds what was imported: it stays, and each round would look at it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_STEP, 20, 20)


def pytest_report_header() -> str:
    return f"backend: {BACKEND}"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and is_in_ci() and reporter.stats.get("skipped") and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was left out, and how the pass before this one ended."""
    skipped = len(terminalreporter.stats.get("skipped", ()))
    if skipped:
        terminalreporter.section(f"LEFT OUT on {BACKEND}: {skipped} tests were skipped", red=True, bold=True)
        if is_in_ci():
            terminalreporter.line("CI=true: a skip is a failure.", red=True)
    for line in os.environ.get("ONRECORD_TEST_NOTES", "").splitlines():
        terminalreporter.line(line, bold=True)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; the test is skipped, loudly, without it."""
    found = services.find_chromium()
    if found is None:
        pytest.skip("Chromium is missing: apt-get install chromium")
    return found
