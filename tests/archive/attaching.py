"""Messages with files for tests of the archive alone: sealed, kept and named as the product does it."""

from datetime import datetime

from archive import events, ledger, uploads
from archive.events import Attachment
from tests.archive.exporting import ALICE, NINE


def keep_file(plain: bytes, *, name: str = "terms.pdf", media_type: str = "application/pdf") -> Attachment:
    """Keep a file that waits for its entry."""
    with uploads.open_draft() as draft:
        draft.write(plain)
        blob = draft.finish()
        uploads.keep(draft, blob, at=NINE)
    return Attachment(
        name=name,
        type=media_type,
        size_bytes=blob.size_bytes,
        sha256=blob.sha256,
        blob=blob.digest,
        key=blob.key.hex(),
    )


def say_with_files(
    *files: Attachment, stream: str = "conversation:7", body: str = "see the file", at: datetime = NINE
) -> ledger.Receipt:
    with ledger.transaction():
        event = events.MessageCreated(
            stream=stream, actor=ALICE, at=at, body=body, client_key=files[0].blob, attachments=files
        )
        receipt = ledger.record(event)
        uploads.claim(files, seq=receipt.seq)
    return receipt
