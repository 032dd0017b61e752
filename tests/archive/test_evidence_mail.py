"""Checkpoints by mail: the exact bytes go out, once a day, and a mail server that refuses is a problem to see."""

import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings

from archive import checkpoint, evidence, ledger
from archive.models import Mailed
from tests.archive.samples import NOON, record, record_conversations, said

pytestmark = pytest.mark.django_db
AUDITOR = "auditor@example.org"


@pytest.fixture(autouse=True)
def set_up(settings: Settings) -> None:
    record_conversations(4)
    settings.ONRECORD_COPY_MAIL = [AUDITOR, "parent@example.com"]


class Refusing(EmailBackend):
    """A mail server that takes nothing."""

    def send_messages(self, _messages: object) -> int:
        raise smtplib.SMTPRecipientsRefused({AUDITOR: (550, b"no such user")})


def test_the_exact_checkpoint_is_mailed_and_recorded() -> None:
    before = ledger.latest_checkpoint()
    assert evidence.mail_checkpoint(at=NOON)
    (message,) = mail.outbox
    (attached,) = message.attachments
    assert message.to == [AUDITOR, "parent@example.com"]
    assert checkpoint.verify(attached[1].decode(), verifier_key=ledger.verifier_key()).size == before.size
    assert attached[1].decode() == before.note
    entry = ledger.open_entry(before.size)
    assert (entry.kind, entry.content["size"], entry.content["addresses"]) == ("checkpoint.mailed", 4, message.to)


def test_a_day_has_one_mail_and_only_where_something_is_new() -> None:
    assert [evidence.mail_checkpoint(at=NOON) for _ in range(2)] == [True, False]
    assert not evidence.mail_checkpoint(at=NOON + timedelta(days=1)), "nothing is new"
    record(said("new"))
    assert not evidence.mail_checkpoint(at=NOON + timedelta(hours=20)), "the day is not over"
    assert evidence.mail_checkpoint(at=NOON + timedelta(days=1))
    assert list(Mailed.objects.order_by("size").values_list("size", flat=True)) == [4, 6]


def test_a_mail_server_that_refuses_is_a_problem_and_nothing_is_recorded(settings: Settings) -> None:
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, f"{__name__}.Refusing"
    assert not evidence.mail_checkpoint(at=NOON)
    assert "The mail server did not take it" in evidence.status(at=NOON).problems[0]
    assert ledger.latest_checkpoint().size == 4
    settings.EMAIL_BACKEND = working
    assert evidence.mail_checkpoint(at=NOON)
    assert evidence.status(at=NOON).problems == ()


def test_mail_and_folder_together_are_one_kind_of_evidence(settings: Settings, tmp_path: object) -> None:
    assert evidence.status(at=NOON).level == "red"
    evidence.mail_checkpoint(at=NOON)
    assert evidence.status(at=NOON).level == "amber"
    settings.ONRECORD_COPY_DIR = tmp_path
    evidence.copy_checkpoint(at=NOON)
    found = {kind.kind: (kind.sources, kind.size) for kind in evidence.status(at=NOON).kinds}
    assert (found["mail"], found["copy"]) == ((2, 4), (1, 5))
    assert evidence.status(at=NOON).level == "amber"


def test_nothing_is_mailed_without_addresses(settings: Settings) -> None:
    settings.ONRECORD_COPY_MAIL = []
    assert not evidence.mail_checkpoint(at=NOON)
    assert mail.outbox == []


def test_mail_that_would_stay_on_this_machine_stops_the_start(settings: Settings) -> None:
    with pytest.raises(SystemCheckError, match="EMAIL_URL is needed too"):
        call_command("check")
    settings.EMAIL_URL = "smtp://mail.example.org"
    call_command("check")


@pytest.mark.parametrize("mailed_before", [False, True])
def test_a_row_of_a_mail_that_no_entry_tells_of_is_no_evidence(mailed_before: bool) -> None:
    if mailed_before:
        assert evidence.mail_checkpoint(at=NOON)
    Mailed(size=5, at=NOON + timedelta(days=3)).save(force_insert=True)
    found = evidence.status(at=NOON + timedelta(days=3))
    assert (found.level, len(found.problems)) == ("red", 1)
    assert "the mail of 5 entries is not what the record's entry says" in found.problems[0]
