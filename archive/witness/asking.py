"""Our side of C2SP tlog-witness: send a checkpoint with its consistency proof, get a cosignature.

It must not run inside a transaction, and must not take a cosignature that it did not verify.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from archive import checkpoint, cosignature, exchange
from archive.checkpoint import BadCheckpoint
from archive.cosignature import Cosignature
from archive.witness.request import SIZE_LIMIT_BYTES, AddCheckpoint

TIMEOUT_S = 5.0  # for a whole answer
# The consistency proof from a smaller tree to the one of the checkpoint.
Prove = Callable[[int], list[bytes]]


class WitnessAway(Exception):
    """The witness could not be reached or could not answer; trying again later may help."""


class WitnessRefused(Exception):
    """The witness has seen another record than this one, or was set up for another. A person must look."""


@dataclass(frozen=True)
class WitnessAddress:
    """Where a witness is asked, and the key that its cosignatures must verify with."""

    url: str
    verifier_key: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address in `<verifier key> <url>`. Raises ValueError with a sentence."""
        key, _, url = text.strip().partition(" ")
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError(f"A witness is '<verifier key> <http or https address>', not {text!r}.")
        try:
            cosignature.parse_verifier_key(key)
        except BadCheckpoint as error:
            raise ValueError(f"The key of the witness at {url} cannot be used: {error}.") from error
        return cls(url=url.rstrip("/"), verifier_key=key)

    @property
    def name(self) -> str:
        return cosignature.parse_verifier_key(self.verifier_key)[0]


def ask(witness: WitnessAddress, *, note: str, old_size: int, prove: Prove) -> Cosignature:
    """Return the witness's cosignature of the checkpoint.

    `old_size` is what we believe the witness saw last; where it says another size, it is asked once more from there.
    Raises WitnessAway, WitnessRefused.
    """
    status, body = _post(witness, _request(note, old_size=old_size, prove=prove))
    if status == 409:
        seen = _seen(body, ours=checkpoint.parse(note).size)
        status, body = _post(witness, _request(note, old_size=seen, prove=prove))
    if status >= 500:
        raise WitnessAway(f"{witness.name} answers {status}.")
    if status != 200:
        raise WitnessRefused(_REFUSALS.get(status, f"It answers {status}."))
    try:
        return cosignature.verify(body, statement=checkpoint.parse(note), verifier_key=witness.verifier_key)
    except BadCheckpoint as error:
        raise WitnessRefused(f"Its answer is not a cosignature of this checkpoint: {error}.") from error


_REFUSALS = {
    400: "It does not understand the request (400).",
    403: "It does not know the key that signs this record (403).",
    404: "It does not know this record (404).",
    409: "It has seen another record of the same size (409).",
    422: "It has seen a record that this one does not continue (422).",
}


def _request(note: str, *, old_size: int, prove: Prove) -> AddCheckpoint:
    return AddCheckpoint(old_size=old_size, path=tuple(prove(old_size)) if old_size else (), note=note)


def _seen(body: str, *, ours: int) -> int:
    size = body.strip()
    if not size.isascii() or not size.isdecimal() or len(size) > 19:
        raise WitnessRefused("It has seen another size than it can say (409).")
    if int(size) > ours:
        raise WitnessRefused(f"It has seen {int(size)} entries, we have {ours}: the record was put back.")
    return int(size)


def _post(witness: WitnessAddress, request: AddCheckpoint) -> tuple[int, str]:
    try:
        answer = exchange.post(
            f"{witness.url}/add-checkpoint",
            body=request.encode(),
            content_type="text/plain; charset=utf-8",
            timeout_s=TIMEOUT_S,
            limit_bytes=SIZE_LIMIT_BYTES,
        )
    except exchange.NoAnswer as error:
        raise WitnessAway(f"{witness.name} cannot be reached: {error}.") from error
    return answer.status, answer.body[:SIZE_LIMIT_BYTES].decode(errors="replace")
