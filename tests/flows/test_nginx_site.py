"""The site for nginx: no body lies in its temporary files as it is, neither a long message nor a file on its way up."""

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests import services
from tools import stack as stack_tool

pytestmark = pytest.mark.backend("sqlite")  # no database is asked
MESSAGE, UPLOAD = "/api/v1/conversations/7/messages", "/api/v1/uploads"
LONG_MESSAGE, FILE = bytes(250 * 1024), bytes(4 * 1024 * 1024)


class Node(ThreadingHTTPServer):
    """Takes every request and notes how many files nginx has of it meanwhile."""

    daemon_threads = True
    nginx: stack_tool.Nginx
    seen: list[int]


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Node)
        self.server.seen.append(count_temporary_files(self.server.nginx))
        self._answer()

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


def count_temporary_files(nginx: stack_tool.Nginx) -> int:
    """Return how many its workers hold open; they have no name any more, but lie on the disk."""
    assert nginx.process is not None
    master = nginx.process.pid
    workers = Path(f"/proc/{master}/task/{master}/children").read_text(encoding="ascii").split()
    files = (os.readlink(link) for worker in workers for link in Path(f"/proc/{worker}/fd").iterdir())
    return sum(file.startswith(f"{nginx.folder}/client_body") for file in files)


Site = Callable[[], tuple[httpx.Client, Node]]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    if services.find_nginx() is None:
        pytest.skip("nginx is missing: apt-get install nginx-light")
    node = Node(("127.0.0.1", 0), Answer)
    nginx = stack_tool.Nginx(folder=tmp_path, port=services.free_port(), nodes=(node.server_port,))
    node.nginx, node.seen = nginx, []
    threading.Thread(target=node.serve_forever, daemon=True).start()

    def start() -> tuple[httpx.Client, Node]:
        nginx.start()
        return httpx.Client(base_url=f"http://127.0.0.1:{nginx.port}"), node

    yield start
    nginx.stop()
    node.shutdown()


def test_no_body_lies_in_the_temporary_files(site: Site) -> None:
    client, node = site()
    assert client.post(MESSAGE, content=LONG_MESSAGE).status_code == 200
    assert client.post(UPLOAD, content=FILE).status_code == 200
    assert client.post(MESSAGE, content=FILE).status_code == 413, "more than any call needs"
    assert node.seen == [0, 0]


def test_control_without_its_lines_both_would(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (stack_tool.ROOT / "deploy" / "nginx-site.conf").read_text(encoding="utf-8")
    (tmp_path / "deploy").mkdir()
    for line in ("    client_body_buffer_size 512k;\n", "            proxy_request_buffering off;\n"):
        assert line in text
        text = text.replace(line, "")
    (tmp_path / "deploy" / "nginx-site.conf").write_text(text, encoding="utf-8")
    monkeypatch.setattr(stack_tool, "ROOT", tmp_path)
    client, node = site()
    client.post(MESSAGE, content=LONG_MESSAGE)
    client.post(UPLOAD, content=FILE)
    assert node.seen == [1, 1]
