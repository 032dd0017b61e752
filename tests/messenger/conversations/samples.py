"""Files that people attach, made small: each is what its name says."""

import io
import zipfile

from PIL import Image

PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
TEXT = "Dear all, the numbers are below. Grüße.\n".encode()
CSV = b"name,amount\nHarbour,12\n"


def image(width: int = 40, height: int = 30, *, form: str = "PNG", colour: str = "steelblue", turn: int = 0) -> bytes:
    file = io.BytesIO()
    made = Image.new("RGB", (width, height), colour)
    exif = Image.Exif()
    if turn:
        exif[0x0112] = turn
    made.save(file, form, exif=exif)
    return file.getvalue()


def zip_of(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file.getvalue()


DOCX = zip_of({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>"})
ODT = zip_of({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<x/>"})
MACROS = zip_of({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>", "word/vbaProject.bin": b"x"})
