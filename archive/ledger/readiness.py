"""Whether the record could be written to now, as far as its keys go; for whoever asks often. Must not open a key.

To open one again may cost a second of processor time (scrypt) or a session with an HSM, and a server that runs has
opened them already. What is asked here is whether the next day's key could be made and the next process could start.
"""

import os

from django.conf import settings

from archive.keys import KeyMissing, confirm_files
from archive.ledger.reading import is_empty


def key_problem() -> str:
    """Return what is wrong with the key store, "" where nothing is, or where there is no record yet."""
    folder = settings.ONRECORD_KEY_DIR
    if is_empty():
        return ""
    try:
        confirm_files(folder)
    except KeyMissing as error:
        return str(error)
    is_writable = os.access(folder / "buckets", os.W_OK | os.X_OK)
    return "" if is_writable else f"No key can be made in {folder / 'buckets'}."
