"""`manage.py serve` at its beginning and its end: a port that is taken, Ctrl-C, and the next start."""

import signal
import socket

import pytest

from tests.stack import new_stack, office_stack


def test_a_taken_port_is_said_in_a_sentence_and_nothing_is_touched() -> None:
    stack = new_stack()
    with socket.create_server(("127.0.0.1", stack.web.port)):
        done = stack.manage("serve", "--no-worker", check=False)
    assert done.returncode == 1
    assert f"127.0.0.1:{stack.web.port}" in done.stderr and "Traceback" not in done.stderr
    made = stack.folder / "var" / "onrecord.sqlite3"  # by the settings, so that nobody else can read it
    assert not made.exists() or made.stat().st_size == 0


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_and_starts_again_with_its_data(by: signal.Signals) -> None:
    stack = office_stack()
    stack.start()
    process = stack.web.process
    assert process is not None
    process.send_signal(by)
    assert process.wait(15) == 0
    assert "OnRecord has stopped." in stack.log() and "Traceback" not in stack.log()
    size = stack.size()
    stack.web.start()  # the workers, where they are processes of their own, have not stopped
    stack.sign_in("alice")
    assert stack.size() > size
    stack.stop()
