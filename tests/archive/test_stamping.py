"""Time stamps: what an authority signs is verified, recorded and kept; what it should not have signed is refused."""

import base64
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.core.management import call_command
from django.core.management.base import CommandError, SystemCheckError
from django.db import connection, transaction
from pytest_django import Settings

from archive import checkpoint, evidence, ledger
from archive.ledger.head import keystore
from archive.models import Stamped
from archive.stamps import authorities
from archive.stamps.authorities import StampAway, ask
from archive.stamps.configuration import configured_authority, trusted_certificates
from archive.stamps.replies import StampRefused, request_for, verify_answer, verify_kept
from archive.tasks import stamp_checkpoint
from tests.archive.record_reset import fences_down
from tests.archive.samples import record, record_conversations, said
from tests.archive.stamping import NAME, Answer, OpensslAuthority, granting, openssl_accepts, serving

pytestmark = pytest.mark.django_db
FILES = (("checkpoint-", ""), ("stamp-", ".tsr"))  # the names in a folder of copies


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> OpensslAuthority:
    return OpensslAuthority(tmp_path_factory.mktemp("authority") / "tsa")


@pytest.fixture
def served(authority: OpensslAuthority, settings: Settings) -> Iterator[str]:
    """A record of six entries, and an authority at an address that the settings name."""
    record_conversations(6)
    settings.ONRECORD_STAMP_ROOTS = authority.roots
    with serving(granting(authority)) as url:
        settings.ONRECORD_STAMP_URL = url
        yield url


def now() -> datetime:
    return datetime.now(UTC)


def problems() -> tuple[str, ...]:
    return evidence.status(at=now()).problems


def test_a_stamp_is_verified_recorded_and_accepted_by_openssl(served: str, authority: OpensslAuthority) -> None:
    before = ledger.latest_checkpoint()
    assert evidence.stamp_checkpoint(at=now())
    row, entry = Stamped.objects.get(), ledger.open_entry(before.size)
    assert (row.size, row.note, row.authority) == (before.size, before.note, NAME)
    assert (entry.kind, entry.content["checkpoint"]) == ("checkpoint.stamped", before.note)
    assert base64.b64decode(str(entry.content["reply"])) == bytes(row.reply)
    assert openssl_accepts(bytes(row.reply), data=before.note.encode(), roots=authority.roots)
    assert not openssl_accepts(bytes(row.reply), data=before.note.encode() + b"x", roots=authority.roots), "control"
    assert problems() == ()


def test_the_entry_about_a_stamp_asks_for_no_other_and_an_hour_has_one(served: str, settings: Settings) -> None:
    assert [evidence.stamp_checkpoint(at=now()) for _ in range(3)] == [True, False, False]
    settings.ONRECORD_STAMP_S = 0.0
    assert not evidence.stamp_checkpoint(at=now()), "nothing is new but the entry about the stamp"
    record(said("something new"))
    settings.ONRECORD_STAMP_S = 3600.0
    assert not evidence.stamp_checkpoint(at=now()), "the hour is not over"
    settings.ONRECORD_STAMP_S = 0.0
    assert evidence.stamp_checkpoint(at=now())
    assert list(Stamped.objects.order_by("size").values_list("size", flat=True)) == [6, 8]


def test_a_stamp_is_a_kind_of_evidence_of_its_own(served: str, settings: Settings, tmp_path: Path) -> None:
    assert evidence.status(at=now()).level == "red"
    stamp_checkpoint()
    found = evidence.status(at=now())
    (kind,) = [kind for kind in found.kinds if kind.kind == "stamp"]
    assert (found.level, kind.sources, kind.size, kind.is_fresh) == ("amber", 1, 6, True)
    settings.ONRECORD_COPY_DIR = tmp_path
    assert evidence.copy_checkpoint(at=now())
    assert evidence.status(at=now()).level == "green"
    assert evidence.status(at=now() + timedelta(days=2)).level == "red"
    settings.ONRECORD_STAMP_URL = ""
    assert evidence.status(at=now()).level == "amber", "what is no longer set up has no say"


def test_a_stamp_lies_beside_the_copies_for_openssl(
    served: str, settings: Settings, tmp_path: Path, authority: OpensslAuthority
) -> None:
    settings.ONRECORD_COPY_DIR = tmp_path
    assert evidence.stamp_checkpoint(at=now())
    note = tmp_path / f"checkpoint-{6:019}"
    reply = tmp_path / f"stamp-{6:019}.tsr"
    assert openssl_accepts(reply.read_bytes(), data=note.read_bytes(), roots=authority.roots)
    record(said("more"))
    assert evidence.copy_checkpoint(at=now()), "the stamp is not taken for a copy"


def test_a_local_openssl_is_an_authority_too(authority: OpensslAuthority, settings: Settings) -> None:
    record_conversations(3)
    settings.ONRECORD_STAMP_ROOTS, settings.ONRECORD_STAMP_OPENSSL_CONFIG = authority.roots, authority.config
    assert evidence.stamp_checkpoint(at=now())
    row = Stamped.objects.get()
    assert openssl_accepts(bytes(row.reply), data=row.note.encode(), roots=authority.roots)
    settings.ONRECORD_STAMP_OPENSSL_CONFIG = authority.folder / "signer.pem"
    with pytest.raises(StampAway, match="openssl ts does not answer"):
        _ask()


def _ask() -> object:
    found = configured_authority()
    assert found is not None
    return ask(found, data=b"some bytes", trusted=trusted_certificates(), at=now())


def refused(answer: Answer, settings: Settings) -> str:
    """Return the problem after an authority answered so; nothing else may have happened."""
    record_conversations(2)
    with serving(answer) as url:
        settings.ONRECORD_STAMP_URL = url
        assert not evidence.stamp_checkpoint(at=now())
    assert ledger.latest_checkpoint().size == 2, "nothing was recorded"
    assert not Stamped.objects.exists()
    (problem,) = problems()
    return problem


def imprint_in(query: bytes) -> int:
    """Return where the hash stands in a request: an octet string of 32 bytes."""
    return query.index(b"\x04\x20") + 2


@pytest.fixture
def roots(authority: OpensslAuthority, settings: Settings) -> OpensslAuthority:
    settings.ONRECORD_STAMP_ROOTS = authority.roots
    return authority


def test_a_stamp_over_other_bytes_is_refused(roots: OpensslAuthority, settings: Settings) -> None:
    def answer(query: bytes) -> tuple[int, dict[str, str], bytes]:
        place = imprint_in(query)
        return 200, {}, roots.reply(query[:place] + bytes(32) + query[place + 32 :])

    assert "Mismatch between messages" in refused(answer, settings)


def test_an_answer_to_another_question_is_refused(roots: OpensslAuthority, settings: Settings) -> None:
    """The right bytes, stamped for somebody else's nonce: an old reply that is played again."""

    def answer(query: bytes) -> tuple[int, dict[str, str], bytes]:
        theirs, place, ours = roots.query(b"x"), imprint_in(query), imprint_in(roots.query(b"x"))
        return 200, {}, roots.reply(theirs[:ours] + query[place : place + 32] + theirs[ours + 32 :])

    assert "Nonce mismatch" in refused(answer, settings)


def test_a_signer_whom_nobody_trusts_is_refused(roots: OpensslAuthority, settings: Settings, tmp_path: Path) -> None:
    stranger = OpensslAuthority(tmp_path / "stranger")
    assert "does not verify" in refused(granting(stranger), settings)


def test_a_local_authority_without_the_purpose_does_not_answer(settings: Settings, tmp_path: Path) -> None:
    careless = OpensslAuthority(tmp_path / "careless", purposes=[ExtendedKeyUsageOID.SERVER_AUTH])
    with pytest.raises(subprocess.CalledProcessError):
        careless.reply(careless.query(b"some bytes"))
    settings.ONRECORD_STAMP_ROOTS, settings.ONRECORD_STAMP_OPENSSL_CONFIG = careless.roots, careless.config
    record_conversations(2)
    assert not evidence.stamp_checkpoint(at=now())
    assert "openssl ts does not answer" in problems()[0]


def test_a_certificate_that_has_expired_is_refused(settings: Settings, tmp_path: Path) -> None:
    old = OpensslAuthority(tmp_path / "old", ends=-1)
    settings.ONRECORD_STAMP_ROOTS = old.roots
    assert "certificate has expired" in refused(granting(old), settings)


def test_a_refusal_is_told_in_its_own_words(roots: OpensslAuthority, settings: Settings) -> None:
    def answer(_: bytes) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, roots.reply(roots.query(b"x", digest="sha512"))  # which its configuration does not know

    problem = refused(answer, settings)
    assert "does not grant the stamp (rejection): " in problem
    assert "algorithm is not supported" in problem


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        (200, {}, b"", "no time stamp reply"),
        (200, {}, b"<html>Welcome</html>", "no time stamp reply"),
        (200, {}, b"\x30\x82" * 5000, "no time stamp reply"),
        (200, {}, b"x" * 3_000_000, "larger than 65536 bytes"),
        (204, {}, b"", "answers 204"),
        (302, {"Location": "http://127.0.0.1:9/"}, b"", "sends us elsewhere (302)"),
        (403, {}, b"", "answers 403"),
        (500, {}, b"", "answers 500"),
    ],
)
def test_an_answer_that_is_no_reply_is_refused(
    roots: OpensslAuthority, settings: Settings, status: int, headers: dict[str, str], body: bytes, words: str
) -> None:
    assert words in refused(lambda _: (status, headers, body), settings)


def test_an_authority_that_is_slow_or_away_is_a_problem_until_it_answers(served: str, settings: Settings) -> None:
    settings.ONRECORD_STAMP_URL = "http://127.0.0.1:9/tsr"
    assert not evidence.stamp_checkpoint(at=now())
    assert "cannot be reached" in problems()[0]
    silent = threading.Event()
    with serving(lambda query: (silent.wait(5), {}, b"")) as url:  # type: ignore[arg-type,return-value]
        slow = authorities.HttpAuthority(url, timeout_s=0.2)
        with pytest.raises(StampAway, match="timed out"):
            slow.answer(b"query")
        silent.set()
    settings.ONRECORD_STAMP_URL = served
    assert evidence.stamp_checkpoint(at=now())
    assert problems() == ()


def test_a_stamp_of_another_hour_is_refused(roots: OpensslAuthority) -> None:
    request = request_for(b"some bytes")
    reply = roots.reply(request.as_bytes())
    taken = {"data": b"some bytes", "request": request, "trusted": trusted_certificates()}
    assert verify_answer(reply, at=now(), **taken).authority == NAME
    for hours in (-1, 1):
        with pytest.raises(StampRefused, match="Its stamp is of"):
            verify_answer(reply, at=now() + timedelta(hours=hours), **taken)


def test_no_changed_reply_is_taken_for_another(roots: OpensslAuthority) -> None:
    data, trusted = b"some bytes", trusted_certificates()
    reply = roots.reply(roots.query(data))
    true = verify_kept(reply, data=data, trusted=trusted)
    taken = 0
    for place in range(0, len(reply), 7):
        changed = reply[:place] + bytes([reply[place] ^ 0x15]) + reply[place + 1 :]
        try:
            stamp = verify_kept(changed, data=data, trusted=trusted)
        except StampRefused:
            continue
        taken += 1
        assert (stamp.at, stamp.authority) == (true.at, true.authority), place
    assert taken <= 3, "what is not signed is a few bytes around the token"


def test_a_record_that_was_rewritten_is_found_by_its_stamp(served: str, authority: OpensslAuthority) -> None:
    """Kind 5: the thief of the log key writes another past and signs it, and leaves the stamps where they are."""
    evidence.stamp_checkpoint(at=now())
    row = Stamped.objects.get()
    forged = checkpoint.sign(
        checkpoint.Statement(origin="onrecord.example/record", size=6, root=bytes(32)), key=keystore().log_key
    )
    reply = authority.reply(authority.query(forged.encode()))
    with fences_down(connection):
        Stamped.objects.update(note=forged, reply=reply)
    assert not evidence.stamp_checkpoint(at=now())
    assert "contradicts the record: it was rewritten" in problems()[0]
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("record", "stamps", stdout=out)
    assert "contradicts the record" in out.getvalue()
    assert row.size == 6


def test_a_record_that_was_cut_is_found_by_its_stamp(served: str) -> None:
    """Kind 3, with the row of the stamp forgotten by who cut."""
    with suppress(PutBack), transaction.atomic():
        record(said("one"), said("two"))
        evidence.stamp_checkpoint(at=now())
        kept = Stamped.objects.values().get()
        raise PutBack
    Stamped(**kept).save(force_insert=True)
    assert not evidence.stamp_checkpoint(at=now())
    assert "8 entries were stamped, we have 6: the record was put back" in problems()[0]


class PutBack(Exception):
    """Takes the block's entries away again."""


def test_kept_stamps_are_verified_again(served: str, settings: Settings, tmp_path: Path) -> None:
    out = StringIO()
    call_command("record", "stamps", stdout=out)
    assert "There are no time stamps" in out.getvalue()
    evidence.stamp_checkpoint(at=now())
    call_command("record", "stamps", stdout=out)
    assert f"{NAME}: verified" in out.getvalue()
    settings.ONRECORD_STAMP_ROOTS = OpensslAuthority(tmp_path / "other").roots
    with pytest.raises(SystemExit):
        call_command("record", "stamps", stdout=out)
    assert "does not verify" in out.getvalue()


def test_stamps_are_written_for_whoever_holds_an_export(
    served: str, authority: OpensslAuthority, tmp_path: Path
) -> None:
    note = ledger.latest_checkpoint()
    evidence.stamp_checkpoint(at=now())
    out = StringIO()
    for _ in range(2):
        call_command("record", "stamps", "--write", str(tmp_path), stdout=out)
    assert f"2 new files are in {tmp_path}." in out.getvalue()
    assert f"0 new files are in {tmp_path}." in out.getvalue()
    data, reply = (tmp_path / f"{name}{note.size:019}{ending}" for name, ending in FILES)
    assert data.read_bytes() == note.note.encode()
    assert openssl_accepts(reply.read_bytes(), data=data.read_bytes(), roots=authority.roots)
    with pytest.raises(CommandError, match="No such file"):
        call_command("record", "stamps", "--write", str(tmp_path / "nowhere"), stdout=out)


def test_a_stamp_that_is_brought_says_since_when_a_checkpoint_exists(served: str, tmp_path: Path) -> None:
    evidence.stamp_checkpoint(at=now())
    row = Stamped.objects.get()
    note, reply, out = tmp_path / "note", tmp_path / "reply", StringIO()
    note.write_text(row.note)
    reply.write_bytes(bytes(row.reply))
    call_command("record", "compare", str(note), "--stamp", str(reply), stdout=out)
    assert f"It existed at {row.at.isoformat()}, says {NAME}." in out.getvalue()
    record(said("later"))
    note.write_text(ledger.latest_checkpoint().note)
    with pytest.raises(SystemExit):
        call_command("record", "compare", str(note), "--stamp", str(reply), stdout=out)
    assert "NOT the record" in out.getvalue()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ONRECORD_STAMP_URL": "https://stamps.example/"}, "ONRECORD_STAMP_ROOTS is missing"),
        ({"ONRECORD_STAMP_URL": "ftp://stamps.example/", "ONRECORD_STAMP_ROOTS": "roots"}, "http or https"),
        ({"ONRECORD_STAMP_URL": "https://s.example/", "ONRECORD_STAMP_ROOTS": "nowhere"}, "no certificates in PEM"),
        ({"ONRECORD_STAMP_URL": "https://s.example/", "ONRECORD_STAMP_ROOTS": "empty"}, "no certificates in PEM"),
        ({"ONRECORD_STAMP_OPENSSL_CONFIG": "nowhere", "ONRECORD_STAMP_ROOTS": "roots"}, "no such file"),
        ({"ONRECORD_STAMP_OPENSSL_CONFIG": "roots", "ONRECORD_STAMP_URL": "https://s.example/"}, "give one of them"),
    ],
)
def test_what_is_set_up_wrongly_stops_the_start(
    settings: Settings, tmp_path: Path, authority: OpensslAuthority, values: dict[str, str], words: str
) -> None:
    (tmp_path / "roots").write_bytes(authority.roots.read_bytes())
    (tmp_path / "empty").write_bytes(b"")
    for name, value in values.items():
        setattr(settings, name, value if name.endswith("URL") else tmp_path / value)
    with pytest.raises(SystemCheckError, match=words):
        call_command("check")


def test_nobody_is_asked_where_nothing_is_set_up_or_recorded(settings: Settings) -> None:
    assert not evidence.stamp_checkpoint(at=now())
    settings.ONRECORD_STAMP_URL = "http://127.0.0.1:9/"
    assert not evidence.stamp_checkpoint(at=now())
    assert problems() == ()
