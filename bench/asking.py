"""A crowd as a process: started on a core, asked by lines of JSON, sent away. Must not start a server."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
Figures = dict[str, Any]  # Any: figures as they come


def start_crowd(who: Mapping[str, Any], *, core: int | None = None) -> subprocess.Popen[str]:
    """Start a crowd that knows where to go and who it is; nobody is connected yet."""
    bound = [] if core is None else ["taskset", "-c", str(core)]
    crowd = subprocess.Popen(
        [*bound, sys.executable, "-m", "bench.crowd"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    ask(crowd, who)
    return crowd


def ask(crowd: subprocess.Popen[str], wish: Mapping[str, Any]) -> Figures:
    """Ask a crowd, and return its answer. Raises RuntimeError when it has ended; it has said why on standard error."""
    stdin, stdout = _pipes(crowd)
    try:
        stdin.write(json.dumps(wish) + "\n")
        stdin.flush()
        answer = stdout.readline()
    except BrokenPipeError:
        answer = ""
    if not answer:
        raise RuntimeError("the crowd has left; what it said last is above")
    return dict(json.loads(answer))


def dismiss(crowd: subprocess.Popen[str]) -> None:
    """Send it away, in the middle of whatever it does."""
    crowd.terminate()
    crowd.communicate()


def _pipes(crowd: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert crowd.stdin is not None
    assert crowd.stdout is not None
    return crowd.stdin, crowd.stdout
