"""Rotation of the key-encryption key, cut off wherever it touches the disk: the store opens as before or as after."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from archive.keys import Custody, FileAdapter, KeyMissing, KeyRing, KeyStore, create_keystore, keeping, rewrapping
from archive.keys.store import current_kek, ring_of

BUCKETS = ("7y/2026-11-20", "7y/2026-11-21")
ORIGIN = "record.example/firm"
CHEAP = 2**4
OLD = Custody(passphrase="the old passphrase", scrypt_n=CHEAP)
NEW = Custody(passphrase="the new passphrase", scrypt_n=CHEAP)
BARE = Custody()
STEPS = ("fsync", "replace", "link", "unlink", "rmdir")

Keys = tuple[str, bytes, bytes]


class PowerCut(BaseException):
    """The machine stops here."""


def keys_in(folder: Path, *, custody: Custody) -> Keys:
    """Return what a process that starts now opens."""
    store = KeyStore(folder, ring=ring_of(folder, custody=custody))
    first, second = (store.bucket_key(bucket) for bucket in BUCKETS)
    return store.verifier_key(ORIGIN), first, second


def rotate(folder: Path, *, old: Custody, new: Custody) -> None:
    rotation = rewrapping.begin(folder, old=old, new=new)
    assert rewrapping.stage(folder, rotation, old=old, new=new) == len(BUCKETS) + 2
    rewrapping.switch(folder)
    rewrapping.finish(folder, old=old, new=new)


@contextmanager
def power_cut_at(step: int) -> Iterator[list[int]]:
    """Stop the block at its step-th call that changes the disk. Gives the number of calls made."""
    calls = [0]

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            calls[0] += 1
            if calls[0] > step:  # after the cut nothing reaches the disk any more, also no tidying up
                raise PowerCut
            return real(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, counted(getattr(os, name)))
        yield calls


@pytest.fixture
def store_of(tmp_path: Path) -> Callable[[Custody], tuple[Path, Keys]]:
    """Return what makes a store in some custody, with the keys that are in it."""

    def make(custody: Custody) -> tuple[Path, Keys]:
        folder = tmp_path / "keys"
        store = create_keystore(folder)
        for bucket in BUCKETS:
            store.make_bucket_key(bucket)
        if custody != BARE:
            rotate(folder, old=BARE, new=custody)
        return folder, keys_in(folder, custody=custody)

    return make


def opens(folder: Path, *, custody: Custody, keys: Keys) -> bool:
    try:
        return keys_in(folder, custody=custody) == keys
    except KeyMissing:
        return False


@pytest.mark.parametrize(("old", "new"), [(BARE, BARE), (OLD, NEW), (BARE, NEW), (OLD, OLD)])
def test_after_a_rotation_the_same_keys_open_under_a_new_kek(
    store_of: Callable[[Custody], tuple[Path, Keys]], old: Custody, new: Custody
) -> None:
    folder, keys = store_of(old)
    before = current_kek(folder)
    rotate(folder, old=old, new=new)
    assert keys_in(folder, custody=new) == keys
    after = current_kek(folder).removeprefix("file:")
    assert before != f"file:{after}"
    assert {path.name for path in folder.iterdir()} == {after, "log", "streams", "buckets"}
    if new not in (old, BARE):
        assert not opens(folder, custody=old, keys=keys)


@pytest.mark.parametrize(("old", "new"), [(BARE, BARE), (OLD, NEW)])
def test_a_power_cut_at_any_step_leaves_a_store_that_opens_and_rotates_again(
    store_of: Callable[[Custody], tuple[Path, Keys]], tmp_path: Path, old: Custody, new: Custody
) -> None:
    whole, keys = store_of(old)
    seen_old = seen_new = step = 0
    is_over = False
    while not is_over:
        folder = tmp_path / f"cut-{step}"
        shutil.copytree(whole, folder)
        with power_cut_at(step) as calls:
            try:
                rotate(folder, old=old, new=new)
                is_over = True
            except PowerCut:
                pass
        is_old = opens(folder, custody=old, keys=keys)
        assert is_old or opens(folder, custody=new, keys=keys), f"nothing opens after step {step}"
        seen_old, seen_new = seen_old + is_old, seen_new + (not is_old)
        survivor = old if is_old else new
        rotate(folder, old=survivor, new=new)
        assert opens(folder, custody=new, keys=keys), f"the rotation after step {step} lost something"
        assert not (folder / rewrapping.RETIRING).exists()
        step += 1
    assert calls[0] == step - 1 > 30
    if old != new:
        assert seen_old > 10
        assert seen_new > 10


def test_a_process_with_the_old_kek_in_memory_writes_under_the_new_one(
    store_of: Callable[[Custody], tuple[Path, Keys]],
) -> None:
    folder, _ = store_of(BARE)
    running = KeyStore(folder, ring=KeyRing([FileAdapter(folder)]))
    rotate(folder, old=BARE, new=BARE)
    key = running.make_bucket_key("7y/2026-11-22")
    assert not (folder / "kek").exists()
    assert KeyStore(folder, ring=ring_of(folder, custody=BARE)).bucket_key("7y/2026-11-22") == key
    assert running.bucket_key(BUCKETS[0]) == keys_in(folder, custody=BARE)[1]


def test_a_store_with_a_key_that_does_not_open_is_not_rotated(
    store_of: Callable[[Custody], tuple[Path, Keys]],
) -> None:
    folder, _ = store_of(BARE)
    path = folder / "buckets" / "7y_2026-11-20"
    path.write_bytes(path.read_bytes()[:-1])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(KeyMissing):
        rewrapping.begin(folder, old=BARE, new=NEW)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert keeping.survey(folder, custody=BARE).unopened == ("7y/2026-11-20",)


def test_the_old_kek_stays_while_one_key_is_under_it(store_of: Callable[[Custody], tuple[Path, Keys]]) -> None:
    folder, keys = store_of(BARE)
    late = (folder / "buckets" / "7y_2026-11-20").read_bytes()
    rewrapping.stage(folder, rewrapping.begin(folder, old=BARE, new=BARE), old=BARE, new=BARE)
    rewrapping.switch(folder)
    rewrapping.clear_up(folder)
    (folder / "buckets" / "7y_2026-11-20").write_bytes(late)
    assert rewrapping.finish(folder, old=BARE, new=BARE) == []
    assert keys_in(folder, custody=BARE) == keys
