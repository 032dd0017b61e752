"""Processes that work for another one end with it, however that ends: nobody would ever stop them."""

import subprocess

import pytest

from tests import beside

pytestmark = pytest.mark.backend("sqlite")  # nobody asks the database
GONE_S = 20  # less than the workers are busy


def test_workers_end_when_who_started_them_is_killed() -> None:
    with beside.program("tests.archive.workers_program") as parent:
        assert [beside.hear(parent) for _ in range(2)] == ["busy", "busy"]
        with pytest.raises(subprocess.TimeoutExpired):
            parent.communicate(timeout=0.5)
        parent.kill()
        parent.communicate(timeout=GONE_S)  # its end of the pipe is theirs too: it closes with the last of them
