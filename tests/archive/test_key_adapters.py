"""The contract of every adapter to a key-encryption key. A cloud KMS is one more line in ADAPTERS."""

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pkcs11
import pytest

from archive.keys import Adapter, FileAdapter, KeyMissing, Token, TokenAdapter, tokens
from tests.archive.tokens import software_token
from tests.services import find_softhsm_library

KEY = bytes(range(32))
CHEAP = 2**4
PASSPHRASE = "correct horse battery staple"

ADAPTERS: dict[str, Callable[[Path], Adapter]] = {
    "file": FileAdapter,
    "passphrase": lambda folder: FileAdapter(folder, passphrase=PASSPHRASE, scrypt_n=CHEAP),
    "pkcs11": lambda _folder: TokenAdapter(software_token()),
}

needs_softhsm = pytest.mark.skipif(
    find_softhsm_library() is None, reason="SoftHSM is missing: apt-get install softhsm2"
)


@pytest.fixture(params=["file", "passphrase", pytest.param("pkcs11", marks=needs_softhsm)])
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Adapter]:
    """Return what makes an adapter to one and the same place, as each new process does."""
    return lambda: ADAPTERS[request.param](tmp_path)


@pytest.fixture
def adapter(again: Callable[[], Adapter]) -> Adapter:
    return again()


def test_what_was_wrapped_opens_in_the_next_process(adapter: Adapter, again: Callable[[], Adapter]) -> None:
    kek = adapter.create()
    wrapped = adapter.open(kek).wrap(KEY, context=b"log")
    assert again().open(kek).unwrap(wrapped, context=b"log") == KEY


def test_no_two_wrappings_are_alike_and_none_shows_the_key(adapter: Adapter) -> None:
    wrapper = adapter.open(adapter.create())
    first, second = (wrapper.wrap(KEY, context=b"log") for _ in range(2))
    assert first != second
    assert KEY not in first + second


def test_a_key_opens_for_its_own_use_only(adapter: Adapter) -> None:
    wrapper = adapter.open(adapter.create())
    wrapped = wrapper.wrap(KEY, context=b"log")
    with pytest.raises(KeyMissing, match="does not open"):
        wrapper.unwrap(wrapped, context=b"streams")


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:-1],
        lambda whole: whole[:5],
        lambda _: b"",
        lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]),
    ],
)
def test_a_damaged_key_is_refused(adapter: Adapter, damage: Callable[[bytes], bytes]) -> None:
    wrapper = adapter.open(adapter.create())
    with pytest.raises(KeyMissing):
        wrapper.unwrap(damage(wrapper.wrap(KEY, context=b"log")), context=b"log")


def test_what_one_kek_wrapped_another_does_not_open(adapter: Adapter, tmp_path: Path) -> None:
    first = adapter.create()
    (tmp_path / "log").touch()  # from here on a folder's first key-encryption key is not made again
    second = adapter.create()
    assert first != second
    wrapped = adapter.open(first).wrap(KEY, context=b"log")
    with pytest.raises(KeyMissing, match="does not open"):
        adapter.open(second).unwrap(wrapped, context=b"log")


def test_a_destroyed_kek_opens_nothing_and_is_destroyed_twice_without_harm(
    adapter: Adapter, again: Callable[[], Adapter]
) -> None:
    kek = adapter.create()
    adapter.destroy(kek)
    adapter.destroy(kek)
    with pytest.raises(KeyMissing):
        again().open(kek)


@pytest.mark.parametrize("kek", ["", "nothing", "../log", "0a0b"])
def test_a_kek_that_does_not_exist_is_missing(adapter: Adapter, kek: str) -> None:
    with pytest.raises(KeyMissing):
        adapter.open(kek)


def test_an_adapter_says_how_it_keeps_a_kek(adapter: Adapter) -> None:
    kek = adapter.create()
    assert adapter.protection(kek)
    assert adapter.shortcoming(kek) == ""


def test_a_wrong_passphrase_and_none_are_told_apart(tmp_path: Path) -> None:
    kek = FileAdapter(tmp_path, passphrase=PASSPHRASE, scrypt_n=CHEAP).create()
    with pytest.raises(KeyMissing, match="The passphrase does not open"):
        FileAdapter(tmp_path, passphrase=PASSPHRASE + "r").open(kek)
    with pytest.raises(KeyMissing, match="set ONRECORD_KEY_PASSPHRASE"):
        FileAdapter(tmp_path).open(kek)


def test_a_passphrase_over_a_bare_file_is_a_shortcoming(tmp_path: Path) -> None:
    kek = FileAdapter(tmp_path).create()
    assert "not sealed under it" in FileAdapter(tmp_path, passphrase=PASSPHRASE).shortcoming(kek)


@pytest.mark.parametrize("change", [(b'"n":16', b'"n":32'), (b'"n":16', b'"n":4194304'), (b'"v":1', b'"v":2')])
def test_a_sealed_file_whose_form_was_changed_is_refused(tmp_path: Path, change: tuple[bytes, bytes]) -> None:
    adapter = FileAdapter(tmp_path, passphrase=PASSPHRASE, scrypt_n=CHEAP)
    path = tmp_path / adapter.create()
    changed = path.read_bytes().replace(*change)
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    with pytest.raises(KeyMissing):
        adapter.open(path.name)


def create_in(token: Token) -> str:
    return TokenAdapter(token).create()


def unwrap_in_token(kek: str, wrapped: bytes) -> bytes:
    return TokenAdapter(software_token()).open(kek).unwrap(wrapped, context=b"log")


@needs_softhsm
def test_a_forked_worker_reaches_the_token_too() -> None:
    adapter = TokenAdapter(software_token())
    kek = adapter.create()
    wrapped = adapter.open(kek).wrap(KEY, context=b"log")
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("fork")) as pool:
        assert pool.submit(unwrap_in_token, kek, wrapped).result(timeout=30) == KEY
    assert unwrap_in_token(kek, wrapped) == KEY


@needs_softhsm
def test_a_session_that_failed_is_given_up_and_the_next_use_signs_in_again() -> None:
    adapter = TokenAdapter(software_token())
    kek = adapter.create()
    wrapped = adapter.open(kek).wrap(KEY, context=b"log")

    class Unplugged:
        """What is left of a session when its token was taken out."""

        def get_objects(self, *_: object) -> None:
            raise pkcs11.exceptions.DeviceRemoved

        def close(self) -> None:
            raise pkcs11.exceptions.SessionHandleInvalid

    [place] = [place for place in tokens._sessions if place[0] == os.getpid()]
    tokens._sessions[place].close()
    tokens._sessions[place] = Unplugged()
    with pytest.raises(KeyMissing, match="does not answer: DeviceRemoved"):
        unwrap_in_token(kek, wrapped)
    assert unwrap_in_token(kek, wrapped) == KEY


@needs_softhsm
def test_threads_take_turns_at_the_token() -> None:
    adapter = TokenAdapter(software_token())
    kek = adapter.create()
    wrapped = adapter.open(kek).wrap(KEY, context=b"log")
    with ThreadPoolExecutor(max_workers=4) as pool:
        assert set(pool.map(lambda _: unwrap_in_token(kek, wrapped), range(12))) == {KEY}


@needs_softhsm
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pin": "000000000"}, "refuses the PIN"),
        ({"label": "another"}, "no token 'another'"),
        ({"module": "/nowhere/library.so"}, "is not there"),
    ],
)
def test_a_token_out_of_reach_is_named_by_its_setting(change: dict[str, str], words: str) -> None:
    token = replace(software_token(), **change)
    # A process of its own: this one has signed in already, and a token asks each process once.
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("fork")) as pool:
        asked = pool.submit(create_in, token)
        with pytest.raises(KeyMissing, match=words) as refusal:
            asked.result(timeout=30)
    assert "ONRECORD_PKCS11_" in str(refusal.value)
    assert token.pin not in str(refusal.value) + repr(token)


def count_sign_ins(token: Token) -> int:
    """Use a token five times, whatever it answers; return how often it was given the PIN."""
    given: list[Token] = []
    sign_in = tokens._sign_in

    def counting(token: Token) -> pkcs11.Session:
        given.append(token)
        return sign_in(token)

    tokens._sign_in = counting
    for _ in range(5):
        with contextlib.suppress(KeyMissing):
            create_in(token)
    return len(given)


@needs_softhsm
@pytest.mark.parametrize("change", [{"pin": "000000000"}, {}])
def test_a_pin_is_given_to_the_token_once(change: dict[str, str]) -> None:
    """Each request to a server comes here, and a token locks itself after a few wrong ones."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("fork")) as pool:
        asked = pool.submit(count_sign_ins, replace(software_token(), **change))
        assert asked.result(timeout=30) == 1
