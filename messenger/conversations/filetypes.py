"""What a file is, judged by its bytes, and what it may be called. Pure: no Django.

The bytes decide and the name only narrows down: `report.pdf` with a program inside is a program. What is not known is
refused, and so are programs, scripts and pages, whatever the firm's list says of them.
"""

import lzma
import re
import struct
import unicodedata
import zipfile
import zlib
from typing import BinaryIO

import puremagic
from PIL import Image, UnidentifiedImageError

HEAD_BYTES = 65_536
MOST_NAME_BYTES = 255
MOST_PIXELS = 100_000_000
MOST_AT_ONCE_BYTES = 2 * 1024 * 1024  # of a zip file, so of its list of parts: that of some 20,000
UNKNOWN = "application/octet-stream"
TEXT = "text/plain"

IMAGES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}  # shown in the chat
_OFFICE = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"
# What a zip file is by its parts, and what it is called then.
_ZIPPED = {"word/": f"{_OFFICE}.wordprocessingml.document", "xl/": f"{_OFFICE}.spreadsheetml.sheet",
           "ppt/": f"{_OFFICE}.presentationml.presentation"}  # fmt: skip
_OLD_OFFICE = {"doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
               "msg": "application/vnd.ms-outlook"}  # fmt: skip
_TEXTS = {"csv": "text/csv", "md": "text/markdown", "json": "application/json", "eml": "message/rfc822",
          "ics": "text/calendar", "vcf": "text/vcard", "xml": "application/xml"}  # fmt: skip
# Several names of one thing.
_SAME = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav",
         "audio/x-m4a": "audio/mp4", "audio/m4a": "audio/mp4", "application/x-zip-compressed": "application/zip",
         "audio/mp3": "audio/mpeg", "application/x-rtf": "application/rtf", "text/rtf": "application/rtf",
         "video/x-m4v": "video/mp4", "application/ogg": "audio/ogg"}  # fmt: skip

ALLOWED = frozenset(
    {
        *IMAGES, "image/bmp", "image/tiff", "image/heic",
        "application/pdf", "application/rtf", "application/zip",
        *_ZIPPED.values(), *_OLD_OFFICE.values(),
        f"{_ODF}.text", f"{_ODF}.spreadsheet", f"{_ODF}.presentation",
        TEXT, "text/csv", "text/markdown", "text/calendar", "text/vcard", "application/json", "message/rfc822",
        "audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/flac", "audio/webm",
        "video/mp4", "video/webm", "video/quicktime",
    }
)  # fmt: skip
# Never, whatever is inside: names that a desktop runs at a double click.
_RUN = re.compile(
    "appimage|application|bat|bin|cmd|com|cpl|dll|dmg|exe|gadget|hta|html?|inf|iso|jar|jnlp|jse?|lnk|ms[cip]|ps1|pif|reg"
    "|sc[fr]|sh|svgz?|sys|url|vb[es]?|ws[fh]|xht|xhtml|do[ct]m|xl[st]m|xlsb|xlam|pptm|potm|ppam"
)
_PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe",
             b"dex\n", b"!<arch>", b"L\x00\x00\x00\x01\x14\x02\x00")  # fmt: skip
_PAGE = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|svg|iframe|\?php|%|hta:)", re.IGNORECASE)
_RUN_IN_ZIP = re.compile(r"vbaProject\.bin$|^META-INF/MANIFEST\.MF$", re.IGNORECASE)  # as those who run them read names
_ENDING = re.compile(r"[a-z0-9]{1,8}", re.ASCII)
# What the library raises for a zip file that is broken, by the place at which it breaks.
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, ValueError, KeyError, EOFError,
           RuntimeError, OverflowError)  # fmt: skip


class NotAnImage(ValueError):
    """The file says that it is an image, but cannot be read as one, or would be too large to show."""


def clean_name(name: str) -> str:
    """Return a name without folders, control characters and marks that turn text around; "file" if nothing is left."""
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(one for one in name if unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    kept = " ".join(kept.split()).strip(". ")
    stem, dot, ending = kept.rpartition(".")
    if not dot or len(ending.encode()) > 20:
        stem, dot, ending = kept, "", ""
    room = MOST_NAME_BYTES - len(f"{dot}{ending}".encode())
    short = stem.encode()[:room].decode(errors="ignore").rstrip()
    return f"{short}{dot}{ending}" or "file"


def ending_of(name: str) -> str:
    """Return what follows the last dot in lower case, "" where that is no ending."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    return ending if _ENDING.fullmatch(ending) else ""


def is_run_by_name(name: str) -> bool:
    return bool(_RUN.fullmatch(ending_of(name)))


def sniff(file: BinaryIO, *, name: str) -> str:
    """Return the media type of a file by its bytes; UNKNOWN where they say nothing, or that it can be run."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if head.startswith(_PROGRAMS):
        return UNKNOWN
    if head.startswith(b"PK\x03\x04"):
        return _zipped(file)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return _OLD_OFFICE.get(ending_of(name), UNKNOWN)
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    if _is_text(head):
        return _text(head, name=name)
    return _by_magic(head)


def read_image_size(file: BinaryIO, *, media_type: str) -> tuple[int, int]:
    """Return width and height as an image is shown, from its header only. Raises NotAnImage."""
    file.seek(0)
    try:
        with Image.open(file, formats=[IMAGES[media_type]]) as image:
            width, height = image.size
            is_turned = media_type == "image/jpeg" and image.getexif().get(0x0112) in (5, 6, 7, 8)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise NotAnImage("it cannot be read as an image") from error
    if width * height > MOST_PIXELS or not width or not height:
        raise NotAnImage(f"it has more than {MOST_PIXELS // 1_000_000} million pixels")
    return (height, width) if is_turned else (width, height)


def _zipped(file: BinaryIO) -> str:
    """Tell office documents from other zip files by the names of their parts; a few bytes at most are unpacked."""
    try:
        file.seek(0)
        with zipfile.ZipFile(_InPieces(file)) as archive:
            names = archive.namelist()
            kind = _mimetype_in(archive) if names[:1] == ["mimetype"] else ""
    except _BROKEN:
        return UNKNOWN
    if any(_RUN_IN_ZIP.search(name) for name in names):
        return UNKNOWN
    if kind:
        return kind if kind in ALLOWED else UNKNOWN
    if "[Content_Types].xml" in names:
        return next((media for folder, media in _ZIPPED.items() if any(n.startswith(folder) for n in names)), UNKNOWN)
    return "application/zip"


def _mimetype_in(archive: zipfile.ZipFile) -> str:
    with archive.open("mimetype") as part:  # never whole: a few kilobytes unpack to gigabytes
        return part.read(100).decode("ascii")


class _InPieces:
    """A zip file for the library, which reads and keeps the list of parts whole, however long somebody made it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int | None = -1, /) -> bytes:
        is_open = size is None or size < 0
        piece = self._file.read(MOST_AT_ONCE_BYTES + 1 if is_open else min(size or 0, MOST_AT_ONCE_BYTES + 1))
        if len(piece) > MOST_AT_ONCE_BYTES:
            raise zipfile.BadZipFile("its list of parts is too long")
        return piece


def _is_text(head: bytes) -> bool:
    try:
        # The last character may be cut.
        text = head.decode("utf-8-sig") if len(head) < HEAD_BYTES else head[:-4].decode("utf-8-sig", errors="strict")
    except UnicodeDecodeError as error:
        if len(head) < HEAD_BYTES or error.start < len(head) - 12:
            return False
        text = head[: error.start].decode("utf-8-sig")
    return not any(ord(one) < 32 and one not in "\t\n\r\f" for one in text)


def _text(head: bytes, *, name: str) -> str:
    if _PAGE.search(head):
        return "text/html"
    if head.startswith(b"{\\rtf"):
        return "application/rtf"
    return _TEXTS.get(ending_of(name), TEXT)


def _by_magic(head: bytes) -> str:
    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return UNKNOWN
    types = [_SAME.get(one.mime_type, one.mime_type) for one in found if one.mime_type]
    return next((one for one in types if one in ALLOWED), types[0] if types else UNKNOWN)
