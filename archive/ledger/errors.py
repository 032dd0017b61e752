"""What can go wrong with the ledger itself; errors of keys, leaves and content live where those are handled."""


class NotInTransaction(RuntimeError):
    """An entry was to be written outside a transaction: the act and its entry could part company."""


class EntryNotFound(LookupError):
    """There is no entry of that number."""


class ForeignRecord(RuntimeError):
    """The database holds another record than the settings and keys say; nothing may be written to it."""


class BehindGuard(ForeignRecord):
    """The database was put back: more was committed before than it holds. Nothing may be written; a person decides."""


class NotBehind(RuntimeError):
    """A loss was to be accepted, but nothing is lost."""
