"""The key store of the record: outside the database, under the firm's own key-encryption key.

Danger: who has this folder and its key-encryption key can read the record and sign checkpoints; who loses it has a
record that still verifies but can never be opened again. So keys are on the disk before use, and never logged or shown.
"""

from archive.keys.custody import Custody, KeyRing, custody_of_settings
from archive.keys.destroying import destroy_wrapping_keys, existing_keys
from archive.keys.files import KeyDestroyed, KeyMissing
from archive.keys.kek_files import FileAdapter
from archive.keys.store import KeyStore, confirm_files, confirm_protection, create_keystore, later_name, open_keystore
from archive.keys.tokens import Token, TokenAdapter
from archive.keys.wrapping import Adapter, Wrapper

__all__ = [
    "Adapter",
    "Custody",
    "FileAdapter",
    "KeyDestroyed",
    "KeyMissing",
    "KeyRing",
    "KeyStore",
    "Token",
    "TokenAdapter",
    "Wrapper",
    "confirm_files",
    "confirm_protection",
    "create_keystore",
    "custody_of_settings",
    "destroy_wrapping_keys",
    "existing_keys",
    "later_name",
    "open_keystore",
]
