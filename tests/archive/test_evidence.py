"""Evidence from outside: what is asked for, verified, recorded and shown."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings

from archive import checkpoint, cosignature, evidence, ledger
from archive.evidence import EvidenceStatus
from archive.ledger.head import keystore
from archive.models import Witnessed
from archive.witness.keeper import Witness
from archive.witness.request import AddCheckpoint
from archive.witness.server import WitnessServer
from tests.archive.samples import NOON, record, record_conversations, said

pytestmark = pytest.mark.django_db
NAME = "auditor.example/witness"
LATER = NOON + timedelta(minutes=10)


@pytest.fixture
def witness(tmp_path: Path, settings: Settings) -> Iterator[Witness]:
    """A witness that knows this record, served on this machine and set up in the settings."""
    record_conversations(20)
    ours = Witness(tmp_path / "witness", name=NAME, logs=[ledger.verifier_key()])
    with serving(ours) as url:
        settings.ONRECORD_WITNESSES = [f"{ours.verifier_key()} {url}"]
        yield ours


class serving:  # noqa: N801 (a context manager that reads like one)
    """Serve a witness on a free port; gives its address."""

    def __init__(self, witness: Witness) -> None:
        self._server = WitnessServer(witness, host="127.0.0.1", port=0)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def problems() -> tuple[str, ...]:
    return evidence.status(at=LATER).problems


def test_a_cosignature_is_verified_recorded_and_kept(witness: Witness) -> None:
    before = ledger.latest_checkpoint()
    assert evidence.collect_cosignatures(at=NOON) == 1
    row, entry = Witnessed.objects.get(), ledger.open_entry(before.size)
    assert (row.size, row.witness, row.at) == (before.size, NAME, NOON)
    assert entry.kind == "checkpoint.witnessed"
    assert entry.content["cosignature"] == row.cosignature
    assert entry.content["root"] == before.root.hex()
    statement = checkpoint.parse(before.note)
    assert cosignature.verify(row.cosignature, statement=statement, verifier_key=witness.verifier_key())


def test_the_entry_about_a_cosignature_asks_for_no_other(witness: Witness) -> None:
    assert [evidence.collect_cosignatures(at=NOON) for _ in range(3)] == [1, 0, 0]
    record(said("something new"))
    assert [evidence.collect_cosignatures(at=LATER) for _ in range(2)] == [1, 0]
    assert list(Witnessed.objects.order_by("size").values_list("size", flat=True)) == [20, 22]


def test_a_witness_that_knows_more_than_our_rows_is_asked_from_there(witness: Witness) -> None:
    assert evidence.collect_cosignatures(at=NOON) == 1
    size = Witnessed.objects.get().size
    record(*(said(f"more {i}") for i in range(9)))
    witness_saw = ledger.latest_checkpoint().note
    assert size < checkpoint.parse(witness_saw).size
    # The answer to this request was lost on its way: the witness has it, we have no row.
    lost = _request(size, note=witness_saw)
    assert witness.add_checkpoint(lost, at_s=1).status == 200
    record(said("and more"))
    assert evidence.collect_cosignatures(at=LATER) == 1
    assert problems() == ()


def _request(old_size: int, *, note: str) -> bytes:
    size = checkpoint.parse(note).size
    path = tuple(ledger.Prover(size).consistency(old_size))
    return AddCheckpoint(old_size=old_size, path=path, note=note).encode()


def test_a_record_that_was_put_back_is_not_cosigned_and_a_person_is_told(witness: Witness) -> None:
    far = checkpoint.Statement(origin="onrecord.example/record", size=500, root=bytes(32))
    note = checkpoint.sign(far, key=keystore().log_key)
    assert witness.add_checkpoint(AddCheckpoint(old_size=0, path=(), note=note).encode(), at_s=1).status == 200
    assert evidence.collect_cosignatures(at=NOON) == 0
    assert problems() == (f"{NAME}: It has seen 500 entries, we have 20: the record was put back.",)
    assert not Witnessed.objects.exists()


def test_a_record_that_was_rewritten_and_signed_again_is_not_cosigned(witness: Witness) -> None:
    other = checkpoint.Statement(origin="onrecord.example/record", size=20, root=bytes(32))
    note = checkpoint.sign(other, key=keystore().log_key)
    assert witness.add_checkpoint(AddCheckpoint(old_size=0, path=(), note=note).encode(), at_s=1).status == 200
    assert evidence.collect_cosignatures(at=NOON) == 0
    record(said("it goes on"))
    assert "another record of the same size (409)" in problems()[0]
    assert evidence.collect_cosignatures(at=NOON) == 0
    assert "does not continue (422)" in problems()[0]


def test_a_witness_of_another_record_is_refused_with_a_sentence(tmp_path: Path, settings: Settings) -> None:
    record_conversations(3)
    stranger = Witness(tmp_path / "stranger", name=NAME)
    with serving(stranger) as url:
        settings.ONRECORD_WITNESSES = [f"{stranger.verifier_key()} {url}"]
        assert evidence.collect_cosignatures(at=NOON) == 0
    assert problems() == (f"{NAME}: It does not know this record (404).",)


def test_an_answer_by_another_key_is_not_taken(witness: Witness, tmp_path: Path, settings: Settings) -> None:
    url = settings.ONRECORD_WITNESSES[0].split(" ")[1]
    other = Witness(tmp_path / "other", name=NAME)
    settings.ONRECORD_WITNESSES = [f"{other.verifier_key()} {url}"]
    assert evidence.collect_cosignatures(at=NOON) == 0
    assert "not a cosignature of this checkpoint" in problems()[0]
    assert not Witnessed.objects.exists()


def test_a_witness_that_is_away_is_a_problem_until_it_answers(witness: Witness, settings: Settings) -> None:
    address = settings.ONRECORD_WITNESSES
    settings.ONRECORD_WITNESSES = [f"{witness.verifier_key()} http://127.0.0.1:9"]
    assert evidence.collect_cosignatures(at=NOON) == 0
    assert "cannot be reached" in problems()[0]
    settings.ONRECORD_WITNESSES = address
    assert evidence.collect_cosignatures(at=LATER) == 1
    assert problems() == ()


def test_nothing_is_asked_without_witnesses_or_entries(witness: Witness, settings: Settings) -> None:
    settings.ONRECORD_WITNESSES = []
    assert evidence.collect_cosignatures(at=NOON) == 0


def test_an_empty_record_asks_nobody(settings: Settings, tmp_path: Path) -> None:
    key = Witness(tmp_path / "w", name=NAME).verifier_key()
    settings.ONRECORD_WITNESSES = [f"{key} http://127.0.0.1:9"]
    assert evidence.collect_cosignatures(at=NOON) == 0
    assert problems() == ()


def test_the_level_is_red_without_and_amber_with_one_kind_and_red_again_when_it_is_old(witness: Witness) -> None:
    now = datetime.now(UTC)  # the witness has a clock of its own
    assert evidence.status(at=now).level == "red"
    evidence.collect_cosignatures(at=now)
    found = evidence.status(at=now + timedelta(minutes=10))
    (kind,) = [kind for kind in found.kinds if kind.kind == "witness"]
    assert (found.level, kind.sources, kind.size, kind.is_fresh) == ("amber", 1, 20, True)
    assert evidence.status(at=now + timedelta(days=2)).level == "red"


def forged_row(*, size: int, line: str, at: datetime) -> EvidenceStatus:
    Witnessed(size=size, witness=NAME, cosignature=line, at=at).save(force_insert=True)
    return evidence.status(at=at)


def test_a_row_without_a_cosignature_is_no_evidence_and_is_named(witness: Witness) -> None:
    found = forged_row(size=20, line=f"— {NAME} AAAAAAAA\n", at=datetime.now(UTC))
    assert found.level == "red"
    assert f"that {NAME} cosigned 20 entries does not verify" in found.problems[0]


def test_an_old_cosignature_is_not_made_new_by_its_row(witness: Witness) -> None:
    statement = checkpoint.parse(ledger.latest_checkpoint().note)
    asked = AddCheckpoint(old_size=0, path=(), note=ledger.latest_checkpoint().note)
    answer = witness.add_checkpoint(asked.encode(), at_s=1_700_000_000)
    genuine = cosignature.verify(answer.body, statement=statement, verifier_key=witness.verifier_key())
    assert genuine.at_s == 1_700_000_000
    found = forged_row(size=20, line=answer.body, at=datetime.now(UTC))
    assert (found.level, found.problems) == ("red", ())


def test_a_row_of_more_entries_than_there_are_does_not_keep_the_witness_from_being_asked(witness: Witness) -> None:
    found = forged_row(size=10**9, line="— x AAAA\n", at=datetime.now(UTC))
    assert "does not verify: the record has 20 entries" in found.problems[0]
    assert evidence.collect_cosignatures(at=LATER) == 1


@pytest.mark.parametrize(
    "text", ["http://auditor.example", "key http://auditor.example", "a b c", "{key} ftp://x.example"]
)
def test_a_witness_that_is_written_wrongly_stops_the_start(settings: Settings, tmp_path: Path, text: str) -> None:
    key = Witness(tmp_path / "w", name=NAME).verifier_key()
    settings.ONRECORD_WITNESSES = [text.format(key=key)]
    with pytest.raises(SystemCheckError, match="ONRECORD_WITNESSES cannot be used"):
        call_command("check")
    settings.ONRECORD_WITNESSES = [f"{key} https://auditor.example/w/"]
    call_command("check")
