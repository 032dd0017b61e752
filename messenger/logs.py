"""The form of the log: one event a line, key=value, ids only, to standard error. It must not see settings or models."""

from typing import Any

import structlog


def log_to_stderr(level: str) -> dict[str, Any]:
    """Make structlog write through the standard library, and return Django's LOGGING. (Any: its own format.)"""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(levelname)s %(name)s %(message)s"}},
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
