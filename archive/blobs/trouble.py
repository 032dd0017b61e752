"""What can go wrong with a store of blobs. The messages name digests, never keys or contents."""


class BlobMissing(LookupError):
    """There is no such blob: removed, or never kept here."""


class NotKept(RuntimeError):
    """The store did not keep or give what it was asked for: full, away, or forbidden. The same call may work later."""
