"""Leaves the longer suites to `make faults`: `make test` has to end within minutes.

ONRECORD_FAULTS_ALL=1 runs the short form of every suite, ONRECORD_FAULTS_LONG=1 the long one.
"""

import os

import pytest

RUNS_ALL = "1" in (os.environ.get("ONRECORD_FAULTS_ALL"), os.environ.get("ONRECORD_FAULTS_LONG"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "faults_only: runs in `make faults`, not in `make test`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if RUNS_ALL:
        return
    left_out = [item for item in items if item.get_closest_marker("faults_only")]
    items[:] = [item for item in items if item not in left_out]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
