"""Verification of a time stamp authority's reply: what it stamped, by whom, when, and that we asked for it.

Pure: it must not call anybody, read files or look at a clock, and must not take a reply in part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from rfc3161_client import TimeStampRequest, TimeStampResponse, VerificationError, VerifierBuilder
from rfc3161_client import decode_timestamp_response as decode
from rfc3161_client.base import HashAlgorithm, TimestampRequestBuilder

SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
GRANTED = 0
# Ours and the authority's clock; a stamp of another time was made by somebody who kept an old key, or will prove wrong.
CLOCKS_MAY_DIFFER = timedelta(minutes=10)
_WORDS = {2: "rejection", 3: "waiting", 4: "revocation warning", 5: "revocation notification"}


class StampRefused(Exception):
    """The authority did not grant a stamp, or what it sent is none that can be taken. A person must look."""


@dataclass(frozen=True)
class Stamp:
    """A verified stamp. `reply` is the whole TimeStampResp, as `openssl ts` reads it; `authority` its signer."""

    at: datetime
    authority: str
    reply: bytes


def request_for(data: bytes) -> TimeStampRequest:
    """Return a request to stamp these bytes by their SHA-256, with a fresh nonce, and the signer's certificate."""
    builder = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256)
    return builder.nonce(nonce=True).cert_request(cert_request=True).build()


def verify_answer(
    reply: bytes, *, data: bytes, request: TimeStampRequest, trusted: Sequence[x509.Certificate], at: datetime
) -> Stamp:
    """Return the stamp that answers our request, made now. Raises StampRefused."""
    stamp = _verify(reply, data=data, nonce=request.nonce, trusted=trusted)
    if abs(stamp.at - at) > CLOCKS_MAY_DIFFER:
        raise StampRefused(f"Its stamp is of {stamp.at.isoformat()}, and it is {at.isoformat()} here.")
    return stamp


def verify_kept(reply: bytes, *, data: bytes, trusted: Sequence[x509.Certificate]) -> Stamp:
    """Return a stamp that was taken some time ago. Raises StampRefused."""
    return _verify(reply, data=data, nonce=None, trusted=trusted)


def _verify(reply: bytes, *, data: bytes, nonce: int | None, trusted: Sequence[x509.Certificate]) -> Stamp:
    response = _decode(reply)
    builder = VerifierBuilder(roots=list(trusted), nonce=nonce)
    try:
        _require_sha256(response)
        builder.build().verify_message(response, data)
        return Stamp(at=response.tst_info.gen_time, authority=_signer(response), reply=reply)
    except (VerificationError, ValueError) as error:
        raise StampRefused(f"Its stamp does not verify: {_plain(error)}") from error


def _decode(reply: bytes) -> TimeStampResponse:
    try:
        response = decode(reply)
        status, words = response.status, response.status_string
    except ValueError as error:
        raise StampRefused(f"It sent what is no time stamp reply: {_plain(error)}") from error
    if status != GRANTED:
        reason = f": {'; '.join(words)}" if words else ""
        raise StampRefused(f"It does not grant the stamp ({_WORDS.get(status, status)}){reason}"[:300] + ".")
    return response


def _require_sha256(response: TimeStampResponse) -> None:
    if response.tst_info.message_imprint.hash_algorithm != SHA256:
        raise ValueError("it is over another hash than the SHA-256 that was asked for")


def _signer(response: TimeStampResponse) -> str:
    """Return the subject of the certificate that signed. The verification found it by issuer and serial number."""
    (signer,) = response.signed_data.signer_infos
    for data in response.signed_data.certificates:
        certificate = x509.load_der_x509_certificate(data)
        if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number):
            return certificate.subject.rfc4514_string()
    raise ValueError("it does not carry the certificate of its signer")


def _plain(error: Exception) -> str:
    return str(error).replace("\n", " ").rstrip(".")[:300] + "."
