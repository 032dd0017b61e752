"""Exports: asked for by one, decided by another, made in the background, handed out once."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.http import StreamingHttpResponse
from django.test import AsyncRequestFactory
from django.utils import timezone

from admin_portal import making
from admin_portal.access import access_export
from admin_portal.download import Handout, download_export, download_token
from admin_portal.exports import approve_export, refuse_export, request_export
from admin_portal.making import EXPORTS, make_due_exports, make_export, remove_leftovers
from admin_portal.models import ExportRequest
from admin_portal.pages_exports import package_response
from admin_portal.scopes import ExportScope, make_scope
from admin_portal.tasks import make_exports
from archive import ledger
from archive.export.package import Package
from archive.outbox.boxes import DIED
from messenger.people.actions import deactivate, revoke_role
from messenger.people.errors import Conflict, Denial, Invalid, NotAllowed, NotFound
from messenger.people.models import Person
from tests.admin_portal.conftest import PURPOSE, Office, looks_of, record_size
from tests.cast import give_role
from tests.invariants import all_entries

OUTSIDERS = ("alice", "charlie", "mona", "erin", "adam")
SESSION = "the session of a browser"


def ask(office: Office, *, by: Person | None = None) -> ExportRequest:
    scope = ExportScope(conversations=(office.talk.pk,))
    return request_export(by or office.cast.carl, purpose=PURPOSE, scope=scope, client_key=uuid4())


def ready(office: Office) -> ExportRequest:
    """An export asked for by carl, approved by cora, and made."""
    export = ask(office)
    approve_export(office.cast.cora, export_id=export.pk)
    make_due_exports()
    return access_export(office.cast.carl, export.pk)


def system_entries(kind: str) -> list[ledger.Opened]:
    return [entry for entry in all_entries("system") if entry.kind == kind]


# --- asking ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", OUTSIDERS)
def test_who_may_not_ask_finds_nothing_there_and_leaves_no_trace(office: Office, name: str) -> None:
    export, size = ask(office), record_size()
    outsider = getattr(office.cast, name)
    with pytest.raises(NotFound):
        ask(office, by=outsider)
    with pytest.raises(NotFound):
        access_export(outsider, export.pk)
    with pytest.raises(NotFound):
        approve_export(outsider, export_id=export.pk)
    with pytest.raises(NotFound):
        refuse_export(outsider, export_id=export.pk, reason="no")
    with pytest.raises(NotFound):
        download_export(outsider, export_id=export.pk, session=SESSION, token="")
    assert (record_size(), ExportRequest.objects.count()) == (size, 1)


def test_asking_is_an_entry_with_purpose_and_scope(office: Office) -> None:
    export = ask(office)
    (entry,) = looks_of(office.cast.carl, "export.requested")
    assert entry.content["purpose"] == PURPOSE
    assert entry.content["scope"] == {"conversations": [office.talk.pk], "since": None, "until": None}
    assert entry.content["export"] == export.pk


def test_asking_again_with_the_same_key_is_the_same_request(office: Office) -> None:
    key, scope = uuid4(), ExportScope(conversations=(office.talk.pk,))
    first = request_export(office.cast.carl, purpose=PURPOSE, scope=scope, client_key=key)
    again = request_export(office.cast.carl, purpose=PURPOSE, scope=scope, client_key=key)
    assert first.pk == again.pk
    assert len(looks_of(office.cast.carl, "export.requested")) == 1
    with pytest.raises(Conflict) as taken:
        request_export(office.cast.cora, purpose=PURPOSE, scope=scope, client_key=key)
    assert taken.value.code == "key_taken"


def test_a_scope_takes_conversations_and_all_of_a_person(office: Office) -> None:
    assert make_scope([], person_id=office.cast.alice.pk).conversations == (office.talk.pk,)
    now = timezone.now()
    refused: dict[str, Callable[[], object]] = {
        "conversations": lambda: make_scope([]),
        "person": lambda: make_scope([], person_id=10**9),
        "until": lambda: make_scope([office.talk.pk], since=now, until=now),
    }
    for field, attempt in refused.items():
        with pytest.raises(Invalid) as error:
            attempt()
        assert error.value.field == field
    with pytest.raises(Invalid, match="no conversation with number 999"):
        make_scope([office.talk.pk, 999])


# --- two people ------------------------------------------------------------------------------------------------------
def test_nobody_decides_on_their_own_request(office: Office) -> None:
    export, size = ask(office), record_size()
    with pytest.raises(NotAllowed, match="Somebody else decides"):
        approve_export(office.cast.carl, export_id=export.pk)
    with pytest.raises(NotAllowed, match="Somebody else decides"):
        refuse_export(office.cast.carl, export_id=export.pk, reason="mine")
    assert record_size() == size


def test_the_database_itself_refuses_one_person_alone(office: Office) -> None:
    export = ask(office)
    alone = ExportRequest.objects.filter(pk=export.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        alone.update(state="approved", decided_by=office.cast.carl, decided_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        alone.update(state="ready")


def test_who_was_demoted_or_has_left_does_not_decide(office: Office) -> None:
    export, cora = ask(office), office.cast.cora
    assert cora.can("exports.approve"), "the row in hand still says so"
    revoke_role(office.cast.adam, person=cora, role="officer", reason="Moves to another desk")
    size = record_size()
    with pytest.raises(NotFound):
        approve_export(cora, export_id=export.pk)
    mona = give_role(office.cast.mona, role="officer", asked_by=office.cast.adam, granted_by=office.cast.carl)
    assert mona.can("exports.approve")
    deactivate(office.cast.adam, person=mona, reason="Left")
    with pytest.raises(NotFound):
        approve_export(mona, export_id=export.pk)
    assert record_size() > size, "the control: granting and leaving are entries"
    assert looks_of(cora, "export.approved") == []
    assert looks_of(mona, "export.approved") == []


def test_a_decision_is_made_once(office: Office) -> None:
    export, cora = ask(office), office.cast.cora
    assert approve_export(cora, export_id=export.pk).state == ExportRequest.APPROVED
    again: tuple[Callable[[], object], ...] = (
        lambda: approve_export(cora, export_id=export.pk),
        lambda: refuse_export(cora, export_id=export.pk, reason="too late"),
    )
    for decide in again:
        with pytest.raises(Conflict, match="decided already"):
            decide()
    assert len(looks_of(cora, "export.approved")) == 1
    assert looks_of(cora, "export.refused") == []


def test_a_refused_export_is_never_made_and_says_why(office: Office) -> None:
    export = ask(office)
    refused = refuse_export(office.cast.cora, export_id=export.pk, reason="  The scope is\ntoo wide. ")
    assert (refused.state, refused.refusal_reason) == (ExportRequest.REFUSED, "The scope is too wide.")
    assert make_due_exports() == 0
    (entry,) = looks_of(office.cast.cora, "export.refused")
    assert entry.content["reason"] == "The scope is too wide."


def race(*attempts: Callable[[], object]) -> list[object]:
    """Run the attempts at the same moment on connections of their own; return what each gave or raised."""
    outcomes: list[object] = []
    gate = Barrier(len(attempts))

    def run(attempt: Callable[[], object]) -> None:
        gate.wait()
        try:
            outcomes.append(attempt())
        except Denial as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(attempt,)) for attempt in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_two_deciders_that_race_give_one_decision(transactional_db: None, office: Office) -> None:
    mona = give_role(office.cast.mona, role="officer", asked_by=office.cast.adam, granted_by=office.cast.cora)
    export = ask(office)
    outcomes = race(
        lambda: approve_export(office.cast.cora, export_id=export.pk),
        lambda: refuse_export(mona, export_id=export.pk, reason="I was first"),
    )
    lost = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    decisions = [*looks_of(office.cast.cora, "export.approved"), *looks_of(mona, "export.refused")]
    assert (len(lost), len(decisions)) == (1, 1)


# --- making ----------------------------------------------------------------------------------------------------------
def test_nothing_is_made_before_it_is_approved(office: Office) -> None:
    ask(office)
    assert make_due_exports() == 0
    assert system_entries("export.made") == []


def test_an_approved_export_is_made_once_and_recorded(office: Office) -> None:
    export = ready(office)
    make_exports()
    (entry,) = system_entries("export.made")
    assert export.state == ExportRequest.READY
    assert entry.content["digest"] == export.digest
    assert Path(export.path).stat().st_size == export.size_bytes


def test_two_workers_never_take_the_same_export(office: Office) -> None:
    export, now = ask(office), timezone.now()
    approve_export(office.cast.cora, export_id=export.pk)
    first = EXPORTS.claim(at=timezone.now())
    assert first is not None
    assert EXPORTS.claim(at=now + EXPORTS.lease / 2) is None


def test_a_worker_that_lost_its_lease_changes_nothing(office: Office) -> None:
    export = ask(office)
    approve_export(office.cast.cora, export_id=export.pk)
    slow = EXPORTS.claim(at=timezone.now())
    next_one = EXPORTS.claim(at=timezone.now() + EXPORTS.lease * 2)
    assert slow is not None
    assert next_one is not None
    assert not EXPORTS.work_on(slow, make_export, now=timezone.now)
    assert system_entries("export.made") == []
    assert EXPORTS.work_on(next_one, make_export, now=timezone.now)
    assert access_export(office.cast.carl, export.pk).state == ExportRequest.READY
    assert len(system_entries("export.made")) == 1
    assert [path.name for path in settings.ONRECORD_EXPORT_DIR.glob(f"export-{export.pk}-*")] == [
        f"export-{export.pk}-{next_one.lease_token}"
    ]


def test_a_failure_is_tried_again_and_in_the_end_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    export = ask(office)
    approve_export(office.cast.cora, export_id=export.pk)
    monkeypatch.setattr(making, "make", full_disk)
    for number in range(1, EXPORTS.most_tries + 1):
        assert access_export(office.cast.carl, export.pk).tries == number - 1
        assert make_due_exports(at=timezone.now() + timedelta(hours=number)) == 0
    failed = access_export(office.cast.carl, export.pk)
    assert (failed.state, failed.failure, failed.tries) == (ExportRequest.FAILED, "OSError", 3)
    assert len(system_entries("export.failed")) == 1
    assert make_due_exports(at=timezone.now() + timedelta(days=9)) == 0


def test_a_failure_waits_before_it_is_tried_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    export = ask(office)
    approve_export(office.cast.cora, export_id=export.pk)
    monkeypatch.setattr(making, "make", full_disk)
    assert [make_due_exports() for _ in range(2)] == [0, 0]
    assert access_export(office.cast.carl, export.pk).tries == 1
    monkeypatch.undo()
    assert make_due_exports(at=timezone.now() + timedelta(minutes=1)) == 1
    assert access_export(office.cast.carl, export.pk).state == ExportRequest.READY


def full_disk(*_: object, **__: object) -> Package:
    raise OSError("no space left on device")


def test_an_export_whose_workers_all_died_is_given_up(office: Office) -> None:
    export = ask(office)
    approve_export(office.cast.cora, export_id=export.pk)
    at = timezone.now()
    for _ in range(EXPORTS.most_tries):
        assert EXPORTS.claim(at=at) is not None
        at += EXPORTS.lease * 2
    make_due_exports(at=at)
    failed = access_export(office.cast.carl, export.pk)
    assert (failed.state, failed.failure) == (ExportRequest.FAILED, DIED)


def test_leftovers_are_deleted_and_a_ready_package_is_not(office: Office) -> None:
    export = ready(office)
    leftover = Path(settings.ONRECORD_EXPORT_DIR) / f"export-{export.pk}-{uuid4()}"
    leftover.mkdir()
    (leftover / "half.zip").write_bytes(b"half")
    remove_leftovers()
    assert not leftover.exists()
    assert Path(export.path).exists()


# --- handing out -----------------------------------------------------------------------------------------------------
def test_a_package_is_handed_out_once_after_its_entry(office: Office) -> None:
    export, carl = ready(office), office.cast.carl
    token = download_token(export, session=SESSION)
    with download_export(carl, export_id=export.pk, session=SESSION, token=token).file as file:
        assert len(file.read()) == export.size_bytes
    (entry,) = looks_of(carl, "export.downloaded")
    assert entry.content["digest"] == export.digest
    assert not Path(export.path).exists()
    size = record_size()
    with pytest.raises(Conflict, match="downloaded already"):
        download_export(carl, export_id=export.pk, session=SESSION, token=token)
    assert record_size() == size


def test_a_link_works_in_its_own_session_for_its_own_export_and_its_asker_only(office: Office) -> None:
    export, other, carl = ready(office), ask(office), office.cast.carl
    token, size = download_token(export, session=SESSION), record_size()
    for wrong in ("", download_token(export, session="another session"), download_token(other, session=SESSION)):
        with pytest.raises(NotAllowed, match="another session"):
            download_export(carl, export_id=export.pk, session=SESSION, token=wrong)
    with pytest.raises(NotAllowed, match="Only the person who asked"):
        download_export(office.cast.cora, export_id=export.pk, session=SESSION, token=token)
    assert record_size() == size
    assert Path(export.path).exists()


def test_what_is_not_ready_or_not_there_is_not_handed_out_and_not_recorded(office: Office) -> None:
    waiting, export, carl = ask(office), ready(office), office.cast.carl
    Path(export.path).unlink()
    size = record_size()
    for row, words in ((waiting, "not ready"), (export, "no longer on this server")):
        with pytest.raises(Conflict, match=words):
            download_export(carl, export_id=row.pk, session=SESSION, token=download_token(row, session=SESSION))
    assert record_size() == size


@pytest.mark.django_db(transaction=True)
def test_two_downloads_that_race_give_one_package(transactional_db: None, office: Office) -> None:
    export, carl = ready(office), office.cast.carl
    token = download_token(export, session=SESSION)
    attempt = lambda: download_export(carl, export_id=export.pk, session=SESSION, token=token)  # noqa: E731
    outcomes = race(attempt, attempt)
    assert len([outcome for outcome in outcomes if isinstance(outcome, Conflict)]) == 1
    assert len(looks_of(carl, "export.downloaded")) == 1


async def test_under_asgi_a_package_is_streamed_in_blocks(tmp_path: Path) -> None:
    content = bytes(range(256)) * 2500
    (tmp_path / "package.zip").write_bytes(content)
    file = (tmp_path / "package.zip").open("rb")
    answer = package_response(AsyncRequestFactory().get("/"), Handout("package.zip", len(content), file))
    assert isinstance(answer, StreamingHttpResponse)
    blocks = [block async for block in answer]
    assert (b"".join(blocks), len(blocks)) == (content, 3)
    assert file.closed
    assert answer["Content-Disposition"] == 'attachment; filename="package.zip"'


def unpack(office: Office, export: ExportRequest, folder: Path) -> Path:
    token = download_token(export, session=SESSION)
    handout = download_export(office.cast.carl, export_id=export.pk, session=SESSION, token=token)
    with handout.file as file, zipfile.ZipFile(BytesIO(file.read())) as package:
        package.extractall(folder)
    (bag,) = folder.iterdir()
    return bag


def verify(bag: Path) -> subprocess.CompletedProcess[str]:
    """Run the package's own verifier as a receiver would: a bare interpreter and the published key."""
    command = [sys.executable, "-I", "-S", str(bag / "verify.py"), "--key", ledger.verifier_key()]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_package_verifies_and_names_who_asked_and_who_approved(office: Office, tmp_path: Path) -> None:
    bag = unpack(office, ready(office), tmp_path)
    done = verify(bag)
    assert (done.returncode, "verified and complete" in done.stdout) == (0, True), done.stdout + done.stderr
    manifest = json.loads((bag / "data/manifest.json").read_text())
    assert manifest["requester"]["name"] == "Carl"
    assert [approval["by"]["name"] for approval in manifest["approvals"]] == ["Cora"]
    assert manifest["purpose"] == PURPOSE
    assert "guarantee a return of nine percent" in (bag / "data/entries.jsonl").read_text()


def test_one_changed_letter_in_the_package_is_found(office: Office, tmp_path: Path) -> None:
    bag = unpack(office, ready(office), tmp_path)
    entries = bag / "data/entries.jsonl"
    entries.write_text(entries.read_text().replace("nine percent", "five percent"))
    assert verify(bag).returncode == 1
