"""The key store of the record: outside the database, under the firm's own key-encryption key.

Danger: who reads this folder can read the record and sign checkpoints; who loses it has a record that still verifies
but can never be opened again. So keys are written once, synced to the disk before use, and never logged or shown.
"""

from archive.keys.store import KeyMissing, KeyStore, create_keystore, open_keystore
from archive.keys.wrapping import FileWrapper, Wrapper

__all__ = ["FileWrapper", "KeyMissing", "KeyStore", "Wrapper", "create_keystore", "open_keystore"]
