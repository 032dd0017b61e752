"""Who keeps the KEKs of a store: the adapters that the settings name, and the ring that opens what any of them wrapped.

It must not make a KEK: a new store and a rotation do, through new_kek().
"""

from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from archive.keys.files import KeyMissing
from archive.keys.kek_files import SCRYPT_N, FileAdapter
from archive.keys.tokens import Token, TokenAdapter
from archive.keys.wrapping import Adapter, Wrapper, label, require_key, split
from archive.sealing import KEY_SIZE_BYTES


@dataclass(frozen=True)
class Custody:
    """What the firm gives us to reach its KEK. With a token, new KEKs are made in it; without, in files."""

    passphrase: str = field(default="", repr=False)
    token: Token | None = None
    scrypt_n: int = SCRYPT_N

    def adapters(self, folder: Path) -> list[Adapter]:
        """Return the adapters within reach; the first one makes new KEKs."""
        files = FileAdapter(folder, passphrase=self.passphrase, scrypt_n=self.scrypt_n)
        return [files] if self.token is None else [TokenAdapter(self.token), files]


def custody_of_settings() -> Custody:
    token = Token(
        module=settings.ONRECORD_PKCS11_MODULE,
        label=settings.ONRECORD_PKCS11_TOKEN,
        pin=settings.ONRECORD_PKCS11_PIN,
    )
    return Custody(passphrase=settings.ONRECORD_KEY_PASSPHRASE, token=token if token.module else None)


class KeyRing:
    """The adapters, and the KEKs that were opened so far. A KEK's id is "adapter:name"."""

    def __init__(self, adapters: list[Adapter]) -> None:
        self._first = adapters[0]
        self._adapters = {adapter.name: adapter for adapter in adapters}
        self._opened: dict[str, Wrapper] = {}

    def new_kek(self) -> str:
        """Make a KEK where the settings want it and return its id."""
        return f"{self._first.name}:{self._first.create()}"

    def wrap(self, key: bytes, *, kek: str, context: bytes) -> bytes:
        """Return the content of a key file."""
        return label(self._open(kek).wrap(key, context=context), kek=kek)

    def unwrap(self, content: bytes, *, context: bytes) -> bytes:
        """Return the key in the content of a key file. Raises KeyMissing."""
        kek, wrapped = split(content)
        return require_key(self._open(kek).unwrap(wrapped, context=context), size_bytes=KEY_SIZE_BYTES)

    def destroy(self, kek: str) -> None:
        adapter, name = self._adapter(kek)
        adapter.destroy(name)
        self._opened.pop(kek, None)

    def protection(self, kek: str) -> str:
        adapter, name = self._adapter(kek)
        return adapter.protection(name)

    def shortcoming(self, kek: str) -> str:
        """Say in a sentence where a KEK is kept less well than the settings ask for; "" where it is not."""
        adapter, name = self._adapter(kek)
        if adapter is not self._first:
            return f"The settings name {self._first.name}, but the keys are under {kek}: run `manage.py keys rotate`."
        return adapter.shortcoming(name)

    def _open(self, kek: str) -> Wrapper:
        if kek not in self._opened:
            adapter, name = self._adapter(kek)
            self._opened[kek] = adapter.open(name)
        return self._opened[kek]

    def _adapter(self, kek: str) -> tuple[Adapter, str]:
        adapter, _, name = kek.partition(":")
        if adapter not in self._adapters:
            raise KeyMissing(
                f"The keys are under {kek}, but the settings name no {adapter} (ONRECORD_PKCS11_MODULE and the others)."
            )
        return self._adapters[adapter], name
