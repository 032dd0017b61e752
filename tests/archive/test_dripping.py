"""Somebody outside who answers a byte at a time holds up nobody: an exchange has one end for the whole of it."""

import hashlib
import socket
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from archive import evidence, exchange, ledger
from archive.blobs.s3 import Bucket
from archive.blobs.s3 import S3Store as Blobs
from archive.blobs.trouble import NotKept
from archive.models import EvidenceSource, Witnessed
from archive.patience import MOST_OVERDUE
from archive.stamps.authorities import HttpAuthority, StampAway
from archive.witness import asking
from archive.witness.keeper import Witness
from archive.worm.s3_store import S3Store
from archive.worm.stores import StoreAway
from tests.archive.dripping import EVERY_S, HEADERS, STATUS, Dripper, dripping, taking_less_than
from tests.archive.samples import NOON, record_conversations
from tests.archive.test_evidence import serving

PHASES = {"status": b"", "header": STATUS + b"X-Slow: ", "body": STATUS + HEADERS + b"\r\n"}
LIMIT_S = 0.4
SOON_S = 4.0  # generous: the machine may be busy; the dripper would go on for ever


def drips_for_ever(dripper: Dripper) -> bool:
    """The control: every single read is in time, long after the end of an exchange."""
    with socket.create_connection(("127.0.0.1", int(dripper.url.rpartition(":")[2])), timeout=LIMIT_S) as line:
        line.sendall(b"GET / HTTP/1.1\r\n\r\n")
        until = time.monotonic() + 2 * LIMIT_S
        while time.monotonic() < until:
            assert line.recv(65_536)
    return dripper.dripped > LIMIT_S / EVERY_S


@pytest.mark.parametrize("phase", PHASES)
def test_an_exchange_ends_in_time_wherever_the_other_side_drips(phase: str) -> None:
    with dripping(PHASES[phase]) as dripper:
        assert drips_for_ever(dripper)
        with taking_less_than(SOON_S), pytest.raises(exchange.NoAnswer, match="timed out"):
            exchange.post(dripper.url, body=b"x", content_type="text/plain", timeout_s=LIMIT_S, limit_bytes=1 << 20)


@pytest.mark.parametrize("status", [200, 409, 503])
def test_an_answer_in_time_comes_whole_and_one_too_large_is_seen(status: int) -> None:
    body = b"y" * 50
    with dripping(b"HTTP/1.0 %d Well\r\nContent-Length: 50\r\n\r\n" % status + body) as dripper:
        asked = [
            exchange.post(dripper.url, body=b"x", content_type="text/plain", timeout_s=SOON_S, limit_bytes=limit)
            for limit in (50, 20)
        ]
    assert asked == [exchange.Answer(status, body), exchange.Answer(status, body[:21])]


def test_an_answer_that_sends_us_elsewhere_is_not_followed() -> None:
    with dripping(b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n") as dripper:
        answer = exchange.post(dripper.url, body=b"", content_type="text/plain", timeout_s=SOON_S, limit_bytes=9)
    assert answer.status == 302


@pytest.mark.django_db
def test_a_dripping_witness_does_not_keep_the_others_from_signing(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "TIMEOUT_S", LIMIT_S)
    record_conversations(5)
    slow, good = (
        Witness(tmp_path / name, name=f"{name}.example/witness", logs=[ledger.verifier_key()])
        for name in ("slow", "good")
    )
    with dripping(PHASES["header"]) as dripper, serving(good) as url:
        settings.ONRECORD_WITNESSES = [f"{slow.verifier_key()} {dripper.url}", f"{good.verifier_key()} {url}"]
        with taking_less_than(SOON_S):
            assert evidence.collect_cosignatures(at=NOON) == 1
    assert Witnessed.objects.get().witness == "good.example/witness"
    assert "cannot be reached: timed out" in EvidenceSource.objects.get(name="slow.example/witness").problem


def test_a_dripping_time_stamp_authority_is_away() -> None:
    with dripping(PHASES["body"]) as dripper, taking_less_than(SOON_S), pytest.raises(StampAway, match="timed out"):
        HttpAuthority(dripper.url, timeout_s=LIMIT_S).answer(b"query")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("phase", PHASES)
def test_a_dripping_bucket_is_away_whatever_is_asked(phase: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"some bytes")
    digest = hashlib.sha256(b"some bytes").hexdigest()
    with dripping(PHASES[phase]) as dripper:
        store = S3Store("bucket", prefix=phase, endpoint=dripper.url, call_s=LIMIT_S)
        for act in (lambda: list(store.read("a")), lambda: store.put_tail("a", tmp_path / "file", digest=digest)):
            with taking_less_than(SOON_S), pytest.raises(StoreAway, match="too slow"):
                act()


@pytest.mark.usefixtures("credentials")
def test_a_bucket_that_drips_on_and_on_holds_a_few_threads_and_nobody_else() -> None:
    with dripping(PHASES["header"]) as dripper:
        slow, other = (S3Store(name, endpoint=dripper.url, call_s=LIMIT_S / 4) for name in ("slow", "other"))
        for _ in range(MOST_OVERDUE):
            with pytest.raises(StoreAway, match="has not answered in"):
                slow.names()
        with pytest.raises(StoreAway, match="4 calls before have not been answered yet"):
            slow.names()
        with pytest.raises(StoreAway, match="has not answered in"):
            other.names()


@pytest.mark.usefixtures("credentials")
def test_a_dripping_store_of_attachments_does_not_answer() -> None:
    with dripping(PHASES["body"]) as dripper:
        store = Blobs(Bucket("attachments", endpoint=dripper.url, region="us-east-1"), call_s=LIMIT_S)
        with taking_less_than(SOON_S), pytest.raises(NotKept, match="does not answer"):
            store.read("a" * 64, start=0, length=1_000_000)
