"""The file adapter: a KEK is a file in the key folder, sealed under a passphrase or, without one, bare.

Danger: a bare KEK protects against the theft of the database, and against nobody who can read the key folder. It exists
so that a first start needs no configuration, and says so wherever it is shown. A passphrase is never written or logged.
"""

import secrets
from pathlib import Path

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from archive import canonical, sealing
from archive.canonical import Json, NotCanonical
from archive.keys.files import KeyMissing, create_key_file, destroy_key_file, read_key_file

FIRST = "kek"
SCRYPT_N = 2**17  # 128 MiB and about half a second, once for each start
SCRYPT_R = 8
SALT_SIZE_BYTES = 16
# What a file may ask for: more would be an attack on our memory.
_LARGEST_N = 2**20


class FileWrapper:
    """A KEK in memory. Its repr does not show it."""

    def __init__(self, kek: bytes) -> None:
        self._kek = kek

    def wrap(self, key: bytes, *, context: bytes) -> bytes:
        return sealing.encrypt(key, key=self._kek, aad=b"kek\n" + context)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        try:
            return sealing.decrypt(wrapped, key=self._kek, aad=b"kek\n" + context)
        except sealing.NotOpened as error:
            raise KeyMissing("The key-encryption key does not open the key that was asked for.") from error


class FileAdapter:
    """KEKs as files named `kek` (the first) and `kek-…`; new ones are sealed if there is a passphrase."""

    name = "file"

    def __init__(self, folder: Path, *, passphrase: str = "", scrypt_n: int = SCRYPT_N) -> None:
        self._folder = folder
        self._passphrase = passphrase.encode()
        self._scrypt_n = scrypt_n

    def create(self) -> str:
        # Until the log has its key, processes that start at once make the same KEK: the first writer's.
        is_first = not (self._folder / "log").exists()
        kek = FIRST if is_first else f"{FIRST}-{secrets.token_hex(4)}"
        key = secrets.token_bytes(sealing.KEY_SIZE_BYTES)
        create_key_file(self._path(kek), self._seal(key) if self._passphrase else key)
        return kek

    def open(self, kek: str) -> FileWrapper:
        content = read_key_file(self._path(kek))
        return FileWrapper(content if _is_bare(content) else self._unseal(content, path=self._path(kek)))

    def destroy(self, kek: str) -> None:
        destroy_key_file(self._path(kek))

    def protection(self, kek: str) -> str:
        is_bare = _is_bare(read_key_file(self._path(kek)))
        return (
            "a file without a passphrase: whoever reads the key folder has it" if is_bare else "a passphrase (scrypt)"
        )

    def shortcoming(self, kek: str) -> str:
        if not self._passphrase or not _is_bare(read_key_file(self._path(kek))):
            return ""
        return (
            f"ONRECORD_KEY_PASSPHRASE is set, but the key-encryption key {self._path(kek)} is not sealed under it: "
            "run `manage.py keys rotate`, or take the passphrase out."
        )

    def _path(self, kek: str) -> Path:
        # The name comes out of a key file that somebody may have changed: it must not lead elsewhere.
        if kek != FIRST and not (kek.startswith(f"{FIRST}-") and kek.removeprefix(f"{FIRST}-").isalnum()):
            raise KeyMissing("There is no key-encryption key file of that name.")
        return self._folder / kek

    def _seal(self, key: bytes) -> bytes:
        salt = secrets.token_bytes(SALT_SIZE_BYTES)
        form = _Form(n=self._scrypt_n, salt=salt)
        sealed = sealing.encrypt(key, key=form.derive(self._passphrase), aad=form.aad())
        fields: dict[str, Json] = {"kdf": "scrypt", "n": form.n, "salt": salt.hex(), "sealed": sealed.hex(), "v": 1}
        return canonical.encode(fields)

    def _unseal(self, content: bytes, *, path: Path) -> bytes:
        form, sealed = _parse(content, path=path)
        if not self._passphrase:
            raise KeyMissing(
                f"The key-encryption key {path} is sealed under a passphrase: "
                "set ONRECORD_KEY_PASSPHRASE or ONRECORD_KEY_PASSPHRASE_FILE."
            )
        try:
            return sealing.decrypt(sealed, key=form.derive(self._passphrase), aad=form.aad())
        except sealing.NotOpened as error:
            raise KeyMissing(
                f"The passphrase does not open the key-encryption key {path} "
                "(ONRECORD_KEY_PASSPHRASE, ONRECORD_KEY_PASSPHRASE_FILE)."
            ) from error


class _Form:
    """How a passphrase becomes the key that seals a KEK file."""

    def __init__(self, *, n: int, salt: bytes) -> None:
        self.n = n
        self.salt = salt

    def aad(self) -> bytes:
        return f"kek file\nscrypt\n{self.n}\n{SCRYPT_R}\n{self.salt.hex()}".encode()

    def derive(self, passphrase: bytes) -> bytes:
        return Scrypt(salt=self.salt, length=sealing.KEY_SIZE_BYTES, n=self.n, r=SCRYPT_R, p=1).derive(passphrase)


def _is_bare(content: bytes) -> bool:
    return len(content) == sealing.KEY_SIZE_BYTES


def _parse(content: bytes, *, path: Path) -> tuple[_Form, bytes]:
    try:
        fields = canonical.parse_object(content)
        n, salt, sealed = fields["n"], bytes.fromhex(str(fields["salt"])), bytes.fromhex(str(fields["sealed"]))
        is_known = fields["v"] == 1 and fields["kdf"] == "scrypt"
    except (NotCanonical, KeyError, ValueError) as error:
        raise _damaged(path) from error
    if not is_known or type(n) is not int or not 2 <= n <= _LARGEST_N or n & (n - 1):
        raise _damaged(path)
    return _Form(n=n, salt=salt), sealed


def _damaged(path: Path) -> KeyMissing:
    return KeyMissing(
        f"The key-encryption key {path} is damaged: not {sealing.KEY_SIZE_BYTES} bytes, nor sealed by a passphrase."
    )
