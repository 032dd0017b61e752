"""Export packages made from a real record, unpacked and checked the way their receiver does it."""

import hashlib
import os
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from archive import events, ledger
from archive.export import package as packaging
from archive.export.package import BadScope, ExportFailed, Scope, preview
from archive.models import RecordKey
from tests.archive.exporting import (
    ALICE,
    CARL,
    CORA,
    LATER,
    NINE,
    WHOLE,
    export,
    open_office,
    read_entries,
    read_exceptions,
    read_manifest,
    run,
    say,
    unpack,
)
from tests.archive.record_reset import fences_down

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> None:
    open_office()


# --- the round trip --------------------------------------------------------------------------------------------------
# rule: us-sec-17a-4-download
@pytest.mark.usefixtures("office")
def test_a_package_verifies_in_the_hands_of_its_receiver(tmp_path: Path) -> None:
    folder = unpack(export(tmp_path))
    status, output = run(folder, "--key", ledger.verifier_key())
    assert status == 0, output
    assert output.startswith("verified and complete: 7 entries, 7 of them opened, all that 2 of the record's 3 streams")
    assert run(folder)[1].count("NOT checked") == 1


@pytest.mark.usefixtures("office")
def test_every_word_of_the_streams_is_in_the_package_and_none_of_others(tmp_path: Path) -> None:
    folder = unpack(export(tmp_path))
    held = [line["opened"] for line in read_entries(folder)]
    recorded = [*ledger.read_stream("conversation:7"), *ledger.read_stream("person:1")]
    assert len(held) == len(recorded)
    for entry in recorded:
        assert {name: pair["value"] for name, pair in held_of(held, entry).items()} == entry.content
    assert "elsewhere" not in (folder / "data/entries.jsonl").read_text()


def held_of(held: list[object], entry: ledger.Opened) -> dict[str, dict[str, object]]:
    fields = [opened for opened in held if isinstance(opened, dict) and set(opened) == set(entry.content)]
    key = "client_key" if "client_key" in entry.content else "address"
    (found,) = (opened for opened in fields if opened[key]["value"] == entry.content[key])
    return found


@pytest.mark.usefixtures("office")
def test_the_receipt_names_the_file_as_it_is_on_the_disk(tmp_path: Path) -> None:
    package = export(tmp_path)
    data = package.path.read_bytes()
    assert package.path == tmp_path / "export-12.zip"
    assert (package.digest, package.size_bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert package.entries == 7
    assert sorted(os.listdir(tmp_path)) == ["export-12.zip"]  # no draft is left
    assert package.path.stat().st_mode & 0o077 == 0  # it holds opened words: nobody else on the machine reads it


@pytest.mark.usefixtures("office")
def test_the_manifest_says_what_was_asked_by_whom_and_who_approved(tmp_path: Path) -> None:
    scope = Scope(streams=("conversation:7",), since=NINE + timedelta(minutes=1), kinds=("message.created",))
    manifest = read_manifest(unpack(export(tmp_path, scope)))
    assert manifest["requester"] == CARL.as_json()
    assert manifest["approvals"] == [CORA]
    assert (manifest["purpose"], manifest["export"]) == ("FINRA 8210 request 77", 12)
    assert manifest["scope"] == {
        "kinds": ["message.created"],
        "since": "2026-11-21T09:01:00.000Z",
        "streams": ["conversation:7"],
        "until": None,
    }
    assert (manifest["made_at"], manifest["exceptions"]) == ("2026-11-22T09:00:00.000Z", [])
    assert list(manifest["streams"].values()) == ["conversation:7"]  # type: ignore[attr-defined]  # JSON


@pytest.mark.usefixtures("office")
def test_entries_outside_the_scope_are_there_but_closed(tmp_path: Path) -> None:
    scope = Scope(streams=("conversation:7",), since=NINE + timedelta(minutes=1), until=NINE + timedelta(minutes=3))
    folder = unpack(export(tmp_path, scope))
    assert [bool(line["opened"]) for line in read_entries(folder)] == [False, True, True, False, False, False]
    text = (folder / "data/entries.jsonl").read_text()
    assert ("Sell at 40?" in text, "Good morning" in text, "Ende" in text) == (True, False, False)
    assert run(folder)[0] == 0


@pytest.mark.usefixtures("office")
def test_kinds_narrow_what_is_opened(tmp_path: Path) -> None:
    folder = unpack(export(tmp_path, Scope(streams=WHOLE.streams, kinds=("session.started",))))
    opened = [line["opened"] for line in read_entries(folder) if line["opened"]]
    assert [sorted(fields) for fields in opened if isinstance(fields, dict)] == [["actor", "address", "agent"]]


@pytest.mark.usefixtures("office")
def test_what_is_said_after_the_heads_is_left_for_the_next_export(tmp_path: Path) -> None:
    heads = ledger.record_heads(LATER)
    say("too late", minutes=100)
    order = packaging.Order(WHOLE, 12, CARL, (CORA,), "test", LATER)
    folder = unpack(packaging.build(order, heads_seq=heads.seq, folder=tmp_path))
    assert "too late" not in (folder / "data/entries.jsonl").read_text()
    assert run(folder, "--key", ledger.verifier_key())[0] == 0


@pytest.mark.usefixtures("office")
def test_the_stream_that_holds_the_heads_can_be_exported_too(tmp_path: Path) -> None:
    ledger.record_heads(NINE)
    folder = unpack(export(tmp_path, Scope(streams=("system",))))
    assert run(folder)[0] == 0
    assert len(read_entries(folder)) == 1


def test_a_record_with_many_tiles_and_streams_verifies(tmp_path: Path) -> None:
    batch = [
        events.MessageCreated(
            stream=f"conversation:{number % 37}", actor=ALICE, at=NINE, body=f"text {number}", client_key=str(number)
        )
        for number in range(1500)
    ]
    with ledger.transaction():
        ledger.record_all(batch)
    folder = unpack(export(tmp_path, Scope(streams=tuple(f"conversation:{number}" for number in range(0, 37, 3)))))
    status, output = run(folder, "--key", ledger.verifier_key())
    assert status == 0, output
    assert "13 of the record's 37 streams" in output


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda lines: [*lines[:2], lines[2].replace(b"no ", b"na ", 1), *lines[3:]],
            r"line 3 .*field body is not what",
        ),
        (lambda lines: [*lines[:2], lines[2].replace(b"T09:02", b"T09:03", 1), *lines[3:]], r"line 3 .*changed"),
        (lambda lines: lines[:2] + lines[3:], r"n 3 of its stream is missing before it"),
        (lambda lines: lines[:5], r"its end was dropped: n 6 is missing"),
    ],
    ids=["flipped opened byte", "flipped leaf byte", "dropped middle", "dropped tail"],
)
def test_a_package_that_was_altered_on_the_way_is_refused_with_the_place(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], complaint: str
) -> None:
    folder = unpack(export(tmp_path, Scope(streams=("conversation:7",))))
    assert run(folder)[0] == 0  # the control: as it came it verifies
    entries = folder / "data/entries.jsonl"
    entries.write_bytes(b"".join(line + b"\n" for line in change(entries.read_bytes().splitlines())))
    status, output = run(folder)
    assert status == 1
    assert re.search(complaint, output)


# --- what cannot be opened, and what is not handed out ---------------------------------------------------------------
@pytest.mark.breaks_the_record
@pytest.mark.usefixtures("office")
def test_an_entry_whose_key_is_gone_is_an_exception_and_the_rest_is_whole(tmp_path: Path) -> None:
    RecordKey.objects.filter(seq=1).delete()
    folder = unpack(export(tmp_path))
    (exception,) = read_exceptions(folder)
    assert (exception["entry"], exception["n"], exception["reason"]) == (1, 2, "its key is gone")
    assert [bool(line["opened"]) for line in read_entries(folder)].count(False) == 1
    assert run(folder)[0] == 0


@pytest.mark.breaks_the_record
@pytest.mark.usefixtures("office")
def test_an_entry_whose_content_was_replaced_is_an_exception(tmp_path: Path) -> None:
    RecordKey.objects.filter(seq=1).update(wrapped=RecordKey.objects.get(seq=2).wrapped)
    (exception,) = read_exceptions(unpack(export(tmp_path)))
    assert (exception["entry"], exception["reason"]) == (1, "its content is not what was sealed")


@pytest.mark.breaks_the_record
@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (
            "UPDATE archive_leaf SET data = (SELECT data FROM archive_leaf WHERE seq = 3) WHERE seq = 2",
            "does not verify",
        ),
        (
            "UPDATE archive_leaf SET hash = (SELECT hash FROM archive_leaf WHERE seq = 3) WHERE seq = 2",
            "does not verify",
        ),
        ("UPDATE archive_leaf SET data = (SELECT hash FROM archive_leaf WHERE seq = 3) WHERE seq = 2", "entry 2"),
        ("DELETE FROM archive_leaf WHERE seq = 2", "has no entry 3|entry 7 cannot be proved"),
        ("DELETE FROM archive_entry WHERE seq = 2", "has no entry 3"),
    ],
)
def test_a_damaged_record_gives_no_package(tmp_path: Path, damage: str, complaint: str) -> None:
    with fences_down(connection), connection.cursor() as cursor:
        cursor.execute(damage)
    with pytest.raises(ExportFailed, match=complaint):
        export(tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("office")
def test_another_entry_does_not_pass_for_the_heads(tmp_path: Path) -> None:
    order = packaging.Order(WHOLE, 12, CARL, (), "test", LATER)
    with pytest.raises(ExportFailed):
        packaging.build(order, heads_seq=7, folder=tmp_path)
    with pytest.raises(ExportFailed, match="No checkpoint covers entry 4000"):
        packaging.build(order, heads_seq=4000, folder=tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("office")
def test_an_unknown_stream_is_refused_before_anything_is_recorded(tmp_path: Path) -> None:
    before = ledger.latest_checkpoint().size
    with pytest.raises(BadScope, match="no stream conversation:99"):
        export(tmp_path, Scope(streams=("conversation:7", "conversation:99")))
    assert ledger.latest_checkpoint().size == before
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("scope", "complaint"),
    [
        ({"streams": ()}, "at least one stream"),
        ({"since": datetime(2026, 11, 21)}, "since must say its time zone"),  # noqa: DTZ001 - the point of the test
        ({"until": datetime(2026, 11, 21)}, "until must say its time zone"),  # noqa: DTZ001 - the point of the test
        ({"since": LATER, "until": NINE}, "ends before it begins"),
        ({"since": NINE, "until": NINE}, "ends before it begins"),
    ],
)
def test_a_scope_that_makes_no_sense_is_refused_by_name(scope: dict[str, object], complaint: str) -> None:
    with pytest.raises(BadScope, match=complaint):
        Scope(**{"streams": ("conversation:7",), **scope})  # type: ignore[arg-type]  # also what is wrong on purpose


# --- the preview -----------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("office")
def test_the_preview_counts_what_the_package_then_holds(tmp_path: Path) -> None:
    scope = Scope(streams=WHOLE.streams, until=NINE + timedelta(minutes=4))
    with CaptureQueriesContext(connection) as queries:
        counted = preview(scope)
    assert len(queries) == 3
    assert (counted.entries, counted.opened) == (7, 5)
    assert counted.kinds == {"message.created": 4, "session.started": 1}
    assert counted.streams == {"conversation:7": 4, "person:1": 1}
    counts = read_manifest(unpack(export(tmp_path, scope)))["counts"]
    assert isinstance(counts, dict)
    assert (counts["entries"], counts["opened"]) == (counted.entries, counted.opened)


@pytest.mark.usefixtures("office")
def test_the_preview_names_an_unknown_stream() -> None:
    with pytest.raises(BadScope, match="no stream conversation:99"):
        preview(Scope(streams=("conversation:99",)))
