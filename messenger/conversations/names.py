"""Names in the record, as "conversation:7" or "person:3". Pure."""


def number_in(name: object, *, of: str) -> int:
    """Return 7 for "conversation:7", and 0, which no row has, for anything else."""
    kind, _, number = str(name).partition(":")
    return int(number) if kind == of and number.isascii() and number.isdigit() else 0
