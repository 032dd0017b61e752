"""The fixed vector of the key store (tests/vectors/keys-1), made from the document's words and not by the tested code.

It never changes: a store written today must open for ever.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from archive import checkpoint
from archive.keys import FileAdapter, KeyRing, KeyStore
from archive.sealing import decrypt

VECTOR = Path(__file__).resolve().parents[1] / "vectors" / "keys-1" / "store.json"
STORE: dict[str, Any] = json.loads(VECTOR.read_text(encoding="utf-8"))  # Any: members of JSON
BUCKET = "7y/2026-11-21"


@pytest.fixture(params=["under the passphrase", "bare"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "buckets").mkdir()
    for name, content in STORE["files"].items():
        (tmp_path / name).write_bytes(bytes.fromhex(content))
    is_bare = request.param == "bare"
    (tmp_path / "kek").write_bytes(bytes.fromhex(STORE["kek"]) if is_bare else STORE["kek_file"].encode())
    return tmp_path


def test_the_store_opens(folder: Path) -> None:
    store = KeyStore(folder, ring=KeyRing([FileAdapter(folder, passphrase=STORE["passphrase"])]))
    assert store.bucket_key(BUCKET).hex() == STORE["keys"][BUCKET]
    assert checkpoint.public_bytes(store.log_key).hex() == STORE["public_key"]


def test_what_we_seal_opens_by_the_documents_words_alone(tmp_path: Path) -> None:
    adapter = FileAdapter(tmp_path, passphrase=STORE["passphrase"], scrypt_n=16)
    wrapped = adapter.open(adapter.create()).wrap(bytes(32), context=b"log")
    form = json.loads((tmp_path / "kek").read_bytes())
    derived = hashlib.scrypt(
        STORE["passphrase"].encode(), salt=bytes.fromhex(form["salt"]), n=form["n"], r=8, p=1, dklen=32
    )
    aad = f"kek file\nscrypt\n{form['n']}\n8\n{form['salt']}".encode()
    kek = decrypt(bytes.fromhex(form["sealed"]), key=derived, aad=aad)
    assert decrypt(wrapped, key=kek, aad=b"kek\nlog") == bytes(32)
