"""The time stamp authority of the settings, and the check that stops the start when it is not set as it must be.

It must not reach out to the authority.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from django.conf import settings
from django.core import checks

from archive.stamps.authorities import Authority, HttpAuthority, LocalAuthority


def configured_authority() -> Authority | None:
    """Return the authority that is set up, None where none is. Raises ValueError with a sentence."""
    url: str = settings.ONRECORD_STAMP_URL
    config: Path | None = settings.ONRECORD_STAMP_OPENSSL_CONFIG
    if url and config:
        raise ValueError("ONRECORD_STAMP_URL and ONRECORD_STAMP_OPENSSL_CONFIG are both set: give one of them.")
    if config:
        if not config.is_file():
            raise ValueError(f"ONRECORD_STAMP_OPENSSL_CONFIG is {config}: there is no such file.")
        return LocalAuthority(config)
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise ValueError(f"ONRECORD_STAMP_URL is {url!r}; it must be an http or https address.")
    return HttpAuthority(url) if url else None


def trusted_certificates() -> Sequence[x509.Certificate]:
    """Return the certificates that stamps must lead to. Raises ValueError with a sentence."""
    path: Path | None = settings.ONRECORD_STAMP_ROOTS
    if path is None:
        raise ValueError("ONRECORD_STAMP_ROOTS is missing: a stamp that is held against no root proves nothing.")
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"ONRECORD_STAMP_ROOTS, {path}, holds no certificates in PEM: {error}") from error


def check_stamps(**_: Any) -> list[checks.CheckMessage]:  # Any: as Django calls its checks
    try:
        if configured_authority() is not None:
            trusted_certificates()
    except ValueError as error:
        return [checks.Error(f"Time stamps cannot be had. {error}", id="archive.E002")]
    return []
