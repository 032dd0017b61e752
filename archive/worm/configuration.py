"""The segment store of ONRECORD_SEGMENT_STORE, and the check that stops the start when it is not written as it must be.

It must not reach out to the store.
"""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.core import checks

from archive.worm.file_store import FileStore
from archive.worm.s3_store import S3Store
from archive.worm.stores import Store

_FORMS = "file:///folder, or s3://bucket/prefix?retain_days=2557&region=…&endpoint=https://…"
_OPTIONS = {"file": {"immutable"}, "s3": {"endpoint", "region", "retain_days"}}


def configured_store() -> Store | None:
    """Return the store that is set up, None where none is. Raises ValueError with a sentence."""
    text: str = settings.ONRECORD_SEGMENT_STORE
    return parse_store(text) if text else None


def parse_store(text: str) -> Store:
    """Return the store that an address names. Raises ValueError with a sentence."""
    address = urlsplit(text)
    options = {name: values[-1] for name, values in parse_qs(address.query).items()}
    if address.scheme not in _OPTIONS or not options.keys() <= _OPTIONS[address.scheme]:
        raise ValueError(f"ONRECORD_SEGMENT_STORE is {text!r}; it must be like {_FORMS}.")
    if address.scheme == "file":
        if address.netloc or address.path in ("", "/"):
            raise ValueError(f"ONRECORD_SEGMENT_STORE is {text!r}; a folder is like file:///srv/segments.")
        return FileStore(Path(unquote(address.path)), immutable=options.get("immutable") != "no")
    if not address.netloc:
        raise ValueError(f"ONRECORD_SEGMENT_STORE is {text!r}; it must name a bucket, like s3://bucket/prefix.")
    prefix = unquote(address.path).strip("/")
    return S3Store(
        bucket=address.netloc,
        prefix=f"{prefix}/" if prefix else "",
        endpoint=options.get("endpoint", ""),
        region=options.get("region", ""),
        retain_days=_days(options.get("retain_days", "2557")),
    )


def check_store(**_: Any) -> list[checks.CheckMessage]:  # Any: as Django calls its checks
    try:
        configured_store()
    except ValueError as error:
        return [checks.Error(str(error), id="archive.E004")]
    return []


def _days(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 36_500:
        raise ValueError(f"ONRECORD_SEGMENT_STORE: retain_days is {text!r}; it must be from 1 to 36500.")
    return int(text)
