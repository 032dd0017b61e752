"""A time stamp authority for the tests: `openssl ts` with certificates of its own, behind a small real HTTP server.

It must not share code with ours: openssl makes the replies, and openssl verifies what we kept.
"""

import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TIME_STAMPING = ExtendedKeyUsageOID.TIME_STAMPING
CA = x509.BasicConstraints(ca=True, path_length=None)
PEM = serialization.Encoding.PEM
NAME = "CN=Stamps of Example"
Answer = Callable[[bytes], tuple[int, dict[str, str], bytes]]


class OpensslAuthority:
    """A root, a signer and the configuration of `openssl ts`, all in one folder."""

    def __init__(self, folder: Path, *, purposes: Sequence[x509.ObjectIdentifier] = (TIME_STAMPING,), ends: int = 30):
        """Make it; `ends` says in how many days the signer's certificate does."""
        self.folder = folder
        folder.mkdir()
        root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = _certificate("Root", root_key, issuer="Root", issuer_key=root_key, ends=30, extensions=[CA])
        purpose = x509.ExtendedKeyUsage(purposes)
        signer = _certificate(
            "Stamps of Example", key, issuer="Root", issuer_key=root_key, ends=ends, extensions=[purpose]
        )
        (folder / "root.pem").write_bytes(root.public_bytes(PEM))
        (folder / "signer.pem").write_bytes(signer.public_bytes(PEM))
        (folder / "signer.key").write_bytes(
            key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        (folder / "serial").write_text("01\n")
        self.config = folder / "tsa.cnf"
        self.config.write_text(CONFIG.format(folder=folder))

    @property
    def roots(self) -> Path:
        return self.folder / "root.pem"

    def reply(self, query: bytes) -> bytes:
        with tempfile.TemporaryDirectory() as name:
            Path(name, "query").write_bytes(query)
            self._run(f"ts -reply -config {self.config} -queryfile {name}/query -out {name}/reply")
            return Path(name, "reply").read_bytes()

    def query(self, data: bytes, *, digest: str = "sha256") -> bytes:
        """Return a request made by openssl for these bytes, with a nonce of its own."""
        with tempfile.TemporaryDirectory() as name:
            Path(name, "data").write_bytes(data)
            self._run(f"ts -query -cert -{digest} -data {name}/data -out {name}/query")
            return Path(name, "query").read_bytes()

    def _run(self, words: str, *more: str) -> None:
        subprocess.run(["openssl", *words.split(), *more], cwd=self.folder, check=True, capture_output=True, timeout=30)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    *,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    ends: int,
    extensions: Sequence[x509.ExtensionType],
) -> x509.Certificate:
    today = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=_name(issuer),
        subject_name=_name(name),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=today - timedelta(days=60),
        not_valid_after=today + timedelta(days=ends),
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


CONFIG = """[tsa]
default_tsa = ours
[ours]
serial = {folder}/serial
signer_cert = {folder}/signer.pem
signer_key = {folder}/signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def openssl_accepts(reply: bytes, *, data: bytes, roots: Path) -> bool:
    """Ask the independent verifier."""
    with tempfile.TemporaryDirectory() as name:
        Path(name, "data").write_bytes(data)
        Path(name, "reply").write_bytes(reply)
        command = ["openssl", "ts", "-verify", "-data", "data", "-in", "reply", "-CAfile", roots]
        done = subprocess.run(command, cwd=name, capture_output=True, timeout=30, check=False)
    return done.returncode == 0


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Serve `answer` on a free port; gives the address. It gets the body of each request."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            status, headers, reply = answer(body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST  # noqa: N815 (as the library names it)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsr"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def granting(authority: OpensslAuthority) -> Answer:
    return lambda query: (200, {"Content-Type": "application/timestamp-reply"}, authority.reply(query))
