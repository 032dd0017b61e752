"""The log holds no content: not in what we write, and not in the errors that others raise."""

import io
import logging
import logging.config
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from django.db import DataError, IntegrityError, connection, transaction

from messenger.logs import PlainFormatter, log_to_stderr, traceback_of
from tests.cast import Cast
from tests.messenger.conversations import office

WORDS = "Periwinkle on the Thames"


def _log_of(act: Callable[[], Any]) -> str:
    """Return what is written when an act fails and its caller logs it, by structlog and by the standard library."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(PlainFormatter("%(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("messenger.test_logs")
    logger.addHandler(handler)
    log_to_stderr("INFO")
    try:
        act()
    except Exception:  # whatever it is: this is how a door logs it
        logger.exception("plain")
        structlog.get_logger("messenger.test_logs").exception("structured", person=7)
    finally:
        logger.removeHandler(handler)
    return written.getvalue()


@pytest.mark.django_db
def test_a_row_that_the_database_refuses_is_not_quoted(cast: Cast) -> None:
    message = office.say(cast.alice, office.direct(cast.alice, cast.bob), WORDS)

    def act() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE messenger_message SET at = NULL WHERE id = %s", [message.pk])

    with pytest.raises(IntegrityError) as refusal:
        act()
    assert (WORDS in str(refusal.value)) == (connection.vendor == "postgresql"), "control: PostgreSQL does quote it"
    written = _log_of(act)
    assert WORDS not in written
    assert written.count("IntegrityError: ") >= 2 and "in act" in written and "person=7" in written


@pytest.mark.backend("postgres")  # SQLite takes every value everywhere
@pytest.mark.django_db
def test_a_value_that_the_database_refuses_is_not_quoted() -> None:
    def act() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT %s::bigint", [WORDS])

    with pytest.raises(DataError, match=WORDS):
        act()
    assert WORDS not in _log_of(act)


def test_causes_and_groups_are_shown_without_their_further_lines() -> None:
    def act() -> None:
        try:
            raise ValueError(f"no number\n{WORDS}")
        except ValueError as error:
            raise ExceptionGroup("several", [KeyError("a"), OSError(f"full\n{WORDS}")]) from error

    with pytest.raises(ExceptionGroup) as failed:
        act()
    text = traceback_of((failed.type, failed.value, failed.tb))
    for part in ("ValueError: no number", "direct cause", "several", "KeyError: 'a'", "OSError: full", "line "):
        assert part in text
    assert WORDS not in text


def test_an_error_among_its_own_causes_is_shown_once() -> None:
    def act() -> None:
        error = ValueError(f"own cause\n{WORDS}")
        raise error from error

    written = _log_of(act)
    assert written.count("ValueError: own cause") == 2, "once in each form of the log"
    assert "person=7" in written and WORDS not in written


def test_who_wants_a_traceback_where_nothing_was_raised_still_gets_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter("%(message)s"))
    handler.handle(logging.LogRecord("x", logging.ERROR, "", 0, "what happened", None, (None, None, None)))
    assert capsys.readouterr().err == "what happened\nNoneType: None\n"
