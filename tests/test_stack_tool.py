"""`make stack` tells whoever tries it out where everything is, and brings a killed node back."""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests import services
from tools import stack as stack_tool


@pytest.fixture
def stack() -> Iterator[stack_tool.LocalStack]:
    made = stack_tool.new_stack(port=services.free_port())
    yield made
    shutil.rmtree(made.folder)


def test_it_says_where_nodes_logs_and_figures_are_and_what_brings_a_node_back(stack: stack_tool.LocalStack) -> None:
    told = stack_tool.describe(stack)
    for node in stack.nodes:
        assert f"{node.name} http://localhost:{node.port}" in told
        assert f"Bearer {node.environment['ONRECORD_METRICS_TOKEN']}" in told
    assert str(stack.folder) in told
    assert f"kill -HUP {os.getpid()}" in told


def test_a_restart_brings_back_a_node_that_was_killed(stack: stack_tool.LocalStack) -> None:
    node = stack_tool.Process(folder=stack.folder, name="node", arguments=("-c", "import time; time.sleep(60)"))
    one = replace(stack, nodes=(node,))  # type: ignore[arg-type]  # a process that is ready at once
    node.start()
    assert node.process is not None
    killed = node.process.pid
    os.kill(killed, signal.SIGKILL)
    node.process.wait()
    assert not node.answers()
    try:
        one.restart_nodes()
        assert node.answers() and node.process.pid != killed
    finally:
        node.kill()
