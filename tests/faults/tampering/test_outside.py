"""Attacks that leave a record which agrees with itself, found by what lies outside: a stamped checkpoint and segments.

Kinds 3 to 6, by somebody who has the database, the log key and the guard file. A stamp is brought as two files: note
and reply, which says that the note existed before the attack, so that it cannot be called a forgery.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from archive import checkpoint, evidence, ledger, segments
from archive.ledger.head import keystore
from archive.models import Stamped
from archive.publish import Contradicted, require_contained
from archive.segments import standing
from archive.stamps.replies import StampRefused
from archive.worm.stores import StoreRefused
from tests.archive.segments import store
from tests.archive.stamping import OpensslAuthority
from tests.faults.tampering.attack import SEED
from tests.faults.tampering.history import History, build, laid_open
from tests.faults.tampering.rewrites import Rewrites

pytestmark = [pytest.mark.django_db, pytest.mark.breaks_the_record]
SIZE = 16
KINDS = ("cut_the_tail", "restore_an_old_dump", "rewrite_and_sign_again", "show_a_fork")


@pytest.fixture
def history(settings: Settings, tmp_path: Path) -> Iterator[History]:
    """A record of which somebody outside has a stamp and all segments."""
    (tmp_path / "store").mkdir()
    settings.ONRECORD_SEGMENT_STORE = f"file://{tmp_path}/store?immutable=no"
    settings.ONRECORD_GUARD = tmp_path / "guard" / "checkpoint"
    authority = OpensslAuthority(tmp_path / "tsa")
    settings.ONRECORD_STAMP_ROOTS, settings.ONRECORD_STAMP_OPENSSL_CONFIG = authority.roots, authority.config
    with laid_open():
        made = build(random.Random(SEED), size=SIZE, dumped=frozenset(range(3, SIZE, 4)))
        assert evidence.stamp_checkpoint(at=datetime.now(UTC))
        assert segments.seal_segments(at=datetime.now(UTC)) == 1
        yield made


@pytest.mark.parametrize("kind", KINDS)
def test_what_agrees_with_itself_contradicts_the_stamp_and_the_segments(history: History, kind: str) -> None:
    kept = Stamped.objects.get()
    note, reply = kept.note, bytes(kept.reply)
    standing.require_contained(store())
    assert require_contained(note).size == SIZE, "control: before the attack"
    getattr(Rewrites(history), kind)(random.Random(SEED), SIZE)
    assert ledger.check().is_sound, "control: the record alone shows nothing"
    with pytest.raises(Contradicted):
        require_contained(note)
    seen_at, authority = evidence.stamped_at(reply, note=note)
    assert authority == "CN=Stamps of Example" and seen_at <= datetime.now(UTC)
    with pytest.raises(StoreRefused, match=r"put back|rewritten"):
        standing.require_contained(store())


def test_who_has_the_log_key_cannot_make_a_stamp_of_yesterday(history: History) -> None:
    """The note is easily signed again; the reply fits no other note."""
    kept = Stamped.objects.get()
    statement = checkpoint.Statement(origin="onrecord.example/record", size=SIZE, root=bytes(32))
    forged = checkpoint.sign(statement, key=keystore().log_key)
    with pytest.raises(StampRefused, match="Mismatch"):
        evidence.stamped_at(bytes(kept.reply), note=forged)
