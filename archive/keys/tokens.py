"""The PKCS#11 adapter: KEKs are made in a hardware security module and never leave it; wrapping happens inside.

It must not try a PIN twice: tokens lock themselves after a few wrong ones. A process signs in once and keeps its
session; one that failed is given up, so that a token which was taken out and put back is used again.
"""

import contextlib
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.exceptions import NoSuchToken, PinIncorrect, PinLocked, PKCS11Error

from archive.keys.files import KeyMissing
from archive.sealing import NONCE_SIZE_BYTES

LABEL = "OnRecord key-encryption key"
KEK_BITS = 256
_ONE_AT_A_TIME = threading.Lock()
_initialized_in: set[int] = set()  # processes, by their id: a forked one may not use its parent's sessions


@dataclass(frozen=True)
class Token:
    """Where the HSM is: the path of its PKCS#11 library, the token's label, and the user's PIN."""

    module: str
    label: str
    pin: str = field(repr=False)


class TokenWrapper:
    """A KEK inside the token, used by its id."""

    def __init__(self, token: Token, *, kek: str) -> None:
        self._token = token
        self._kek = kek

    def wrap(self, key: bytes, *, context: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_SIZE_BYTES)
        with _session(self._token) as session:
            wrapped: bytes = _find(session, kek=self._kek).encrypt(
                key, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, b"kek\n" + context)
            )
        return nonce + wrapped

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        nonce, rest = wrapped[:NONCE_SIZE_BYTES], wrapped[NONCE_SIZE_BYTES:]
        with _session(self._token) as session:
            kek = _find(session, kek=self._kek)
            try:
                key: bytes = kek.decrypt(
                    rest, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, b"kek\n" + context)
                )
            except PKCS11Error as error:
                raise KeyMissing("The key-encryption key does not open the key that was asked for.") from error
        return key


class TokenAdapter:
    """KEKs are AES keys of one token, each with a random id; they are sensitive and cannot be extracted."""

    name = "pkcs11"

    def __init__(self, token: Token) -> None:
        self._token = token

    def create(self) -> str:
        kek = secrets.token_hex(8)
        with _session(self._token) as session:
            session.generate_key(
                KeyType.AES,
                KEK_BITS,
                id=bytes.fromhex(kek),
                label=LABEL,
                store=True,
                capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
                template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.PRIVATE: True},
            )
        return kek

    def open(self, kek: str) -> TokenWrapper:
        with _session(self._token) as session:
            _find(session, kek=kek)
        return TokenWrapper(self._token, kek=kek)

    def destroy(self, kek: str) -> None:
        with _session(self._token) as session:
            for key in _found(session, kek=kek):
                key.destroy()

    def protection(self, kek: str) -> str:
        return f"the token {self._token.label!r} (PKCS#11): it never leaves the token"

    def shortcoming(self, kek: str) -> str:
        return ""


_sessions: dict[tuple[int, Token], pkcs11.Session] = {}
_refused: set[Token] = set()  # whose PIN was wrong


@contextmanager
def _session(token: Token) -> Iterator[pkcs11.Session]:
    """Lend the signed-in session. What the library says becomes a KeyMissing that names the setting to look at."""
    with _ONE_AT_A_TIME:
        place = (os.getpid(), token)
        if token in _refused:
            raise _refusal(token)
        try:
            if place not in _sessions:
                _sessions[place] = _sign_in(token)
            yield _sessions[place]
        except NoSuchToken as error:
            raise KeyMissing(f"There is no token {token.label!r} (ONRECORD_PKCS11_TOKEN) in {token.module}.") from error
        except (PinIncorrect, PinLocked) as error:
            _refused.add(token)
            raise _refusal(token) from error
        except (PKCS11Error, RuntimeError) as error:
            _give_up(place)
            raise KeyMissing(f"The token {token.label!r} does not answer: {type(error).__name__}.") from error


def _refusal(token: Token) -> KeyMissing:
    return KeyMissing(
        f"The token {token.label!r} refuses the PIN (ONRECORD_PKCS11_PIN). It is not tried again before a restart."
    )


def _give_up(place: tuple[int, Token]) -> None:
    session = _sessions.pop(place, None)
    if session is not None:
        with contextlib.suppress(PKCS11Error, RuntimeError):  # it may be gone with the token
            session.close()


def _sign_in(token: Token) -> pkcs11.Session:
    found: pkcs11.Token = _library(token.module).get_token(token_label=token.label)
    return found.open(rw=True, user_pin=token.pin)


def _library(module: str) -> Any:  # Any: the package gives its loaded library no name as a type
    if not os.path.exists(module):
        raise KeyMissing(f"The PKCS#11 library {module} (ONRECORD_PKCS11_MODULE) is not there.")
    library: Any = pkcs11.lib(module)
    if os.getpid() not in _initialized_in:
        if _initialized_in:
            library.reinitialize()
        _initialized_in.add(os.getpid())
    return library


def _find(session: pkcs11.Session, *, kek: str) -> Any:  # Any: what a key can do is decided by its attributes
    for key in _found(session, kek=kek):
        return key
    raise KeyMissing(f"The token has no key-encryption key with the id {kek}.")


def _found(session: pkcs11.Session, *, kek: str) -> list[pkcs11.Object]:
    try:
        wanted = bytes.fromhex(kek)
    except ValueError as error:
        raise KeyMissing("A key file names a key-encryption key that no token can have.") from error
    return list(session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.ID: wanted}))
