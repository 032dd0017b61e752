"""Asking a time stamp authority: one that answers over HTTP, or a local `openssl ts` for a house without the internet.

It must not run inside a transaction, must not follow a redirect (the operator named one authority, not another), and
must not return what was not verified.
"""

import fcntl
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cryptography import x509

from archive import exchange
from archive.stamps.replies import Stamp, StampRefused, request_for, verify_answer

TIMEOUT_S = 10.0
REPLY_LIMIT_BYTES = 64 * 1024
OPENSSL = "openssl"


class StampAway(Exception):
    """The authority could not be reached or could not answer; trying again later may help."""


class Authority(Protocol):
    """Somebody who answers a time stamp request (DER) with a reply (DER). Raises StampAway, StampRefused."""

    def answer(self, request: bytes) -> bytes: ...


@dataclass(frozen=True)
class HttpAuthority:
    """An authority behind an address (RFC 3161, section 3.4). `timeout_s` bounds the whole answer."""

    url: str
    timeout_s: float = TIMEOUT_S

    def answer(self, request: bytes) -> bytes:
        try:
            answer = exchange.post(
                self.url,
                body=request,
                content_type="application/timestamp-query",
                timeout_s=self.timeout_s,
                limit_bytes=REPLY_LIMIT_BYTES,
            )
        except exchange.NoAnswer as error:
            raise StampAway(f"It cannot be reached: {error}.") from error
        if answer.status != 200:
            raise _refusal(answer.status)
        if len(answer.body) > REPLY_LIMIT_BYTES:
            raise StampRefused(f"Its reply is larger than {REPLY_LIMIT_BYTES} bytes.")
        return answer.body


@dataclass(frozen=True)
class LocalAuthority:
    """An authority run by `openssl ts` on this machine, from its configuration file (section `tsa`)."""

    config: Path

    def answer(self, request: bytes) -> bytes:
        with tempfile.TemporaryDirectory(prefix="stamp-") as name:
            query, reply = Path(name, "query"), Path(name, "reply")
            query.write_bytes(request)
            self._run(query, reply)
            return reply.read_bytes()

    def _run(self, query: Path, reply: Path) -> None:
        command = [OPENSSL, "ts", "-reply", "-config", str(self.config), "-queryfile", str(query), "-out", str(reply)]
        try:
            # openssl counts its serial numbers in a file, without a lock of its own.
            with self.config.open("rb") as config:
                fcntl.flock(config, fcntl.LOCK_EX)
                subprocess.run(  # noqa: S603 (a list of our own words and the operator's path)
                    command, check=True, capture_output=True, timeout=TIMEOUT_S, cwd=self.config.parent
                )
        except subprocess.CalledProcessError as error:
            lines = error.stderr.decode(errors="replace").strip().splitlines()
            raise StampAway(
                f"openssl ts does not answer: {lines[-1][:200] if lines else 'it says nothing'}."
            ) from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StampAway(f"openssl ts does not answer: {error}.") from error


def ask(authority: Authority, *, data: bytes, trusted: Sequence[x509.Certificate], at: datetime) -> Stamp:
    """Return a verified stamp over these bytes. Raises StampAway, StampRefused."""
    request = request_for(data)
    reply = authority.answer(request.as_bytes())
    return verify_answer(reply, data=data, request=request, trusted=trusted, at=at)


def _refusal(status: int) -> Exception:
    if status >= 500:
        return StampAway(f"It answers {status}.")
    if 300 <= status < 400:
        return StampRefused(f"It sends us elsewhere ({status}); set the address that answers itself.")
    return StampRefused(f"It answers {status}.")
