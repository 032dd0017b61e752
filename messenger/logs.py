"""The form of the log: one event a line, key=value, ids only, to standard error. It must not see settings or models.

PostgreSQL quotes the row that it refuses, and the statement, in the further lines of its errors: so of every error only
the first line is written, and of one about a value nothing but its kind.
"""

import logging
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import structlog

VALUE_ERRORS = ("DataError", "UnicodeEncodeError", "UnicodeDecodeError")  # their first line quotes what they are about
CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
NONE = "NoneType: None"  # what Python writes where somebody wants a traceback and nothing was raised
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def log_to_stderr(level: str) -> dict[str, Any]:
    """Make structlog write through the standard library, and return Django's LOGGING. (Any: its own format.)"""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(traceback_of),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"()": PlainFormatter, "fmt": "%(levelname)s %(name)s %(message)s"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.request": {"level": "ERROR"},
            # A foreign Host header is answered with 400; a traceback for each would only fill the disk.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "django.channels.server": {"level": "WARNING"},
            "daphne": {"level": "WARNING"},
            "twisted": {"level": "WARNING"},
        },
    }


class PlainFormatter(logging.Formatter):
    """The standard library's, with tracebacks as above."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  # the library's name (Any: its own type)
        return traceback_of(ei)


def traceback_of(exc_info: ExcInfo) -> str:
    """Return a traceback with all that Python's own has, but for what errors quote."""
    error = exc_info[1]
    return NONE if error is None else "".join(_lines(error, shown=set())).rstrip("\n")


def _lines(error: BaseException, *, shown: set[int]) -> Iterator[str]:
    shown.add(id(error))  # an error may be among its own causes
    cause, context = error.__cause__, error.__context__
    if cause is not None:
        if id(cause) not in shown:
            yield from (*_lines(cause, shown=shown), CAUSE)
    elif context is not None and not error.__suppress_context__ and id(context) not in shown:
        yield from (*_lines(context, shown=shown), CONTEXT)
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}: {_said(error)}\n"
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _lines(part, shown=shown)


def _said(error: BaseException) -> str:
    # By name: what lies under Django's error is the driver's own, and either driver may be there.
    is_about_a_value = any(kind.__name__ in VALUE_ERRORS for kind in type(error).__mro__)
    return "(not shown)" if is_about_a_value else str(error).partition("\n")[0]
