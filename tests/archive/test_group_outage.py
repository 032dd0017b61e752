"""The database goes away between two groups of actions: whoever asks next is answered, one way or the other.

Found by stopping PostgreSQL under load (tests/faults/delivery/test_database.py): a group whose transaction could not
even begin forgot the action that it was for, and whoever had asked waited for ever.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from archive import ledger
from archive.models import Leaf
from tests.archive.samples import said

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.backend("postgres")]
ANSWER_S = 20
TRIES = 20  # a pool has several connections, and each is found broken once


@ledger.action()
def say(body: str) -> ledger.Receipt:
    return ledger.record(said(body, stream="conversation:7"))


def say_and_close(body: str) -> ledger.Receipt:
    try:
        return say(body)
    finally:
        connections.close_all()


def end_every_other_connection() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_an_action_after_a_break_of_the_connection_is_answered() -> None:
    """It may fail, as long as whoever asked hears of it; and a later try goes through."""
    with ThreadPoolExecutor(1) as pool:
        for number in range(3):
            pool.submit(say_and_close, f"before {number}").result(ANSWER_S)
            end_every_other_connection()
            tries = 1
            while pool.submit(say_and_close, f"after {number}").exception(ANSWER_S) is not None:
                tries += 1
                assert tries < TRIES
    assert Leaf.objects.count() == 6
