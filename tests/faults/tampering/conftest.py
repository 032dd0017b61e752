"""These tests make records without the chat's rows, as those of the archive do."""

from tests.archive.conftest import no_rows_to_compare

__all__ = ["no_rows_to_compare"]
