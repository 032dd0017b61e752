"""What a file is, by its bytes; what it may be called; and that neither name nor bytes can pass for something else."""

import io
import struct
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.conversations import filetypes
from messenger.conversations.filetypes import NotAnImage, clean_name, is_run_by_name, read_image_size, sniff
from tests.messenger.conversations import samples

MANY = {f"word/{number}": b"" for number in range(2_001)}


def kind_of(data: bytes, name: str = "file") -> str:
    return sniff(io.BytesIO(data), name=name)


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (samples.PDF, "a.pdf", "application/pdf"),
        (samples.PDF, "a.txt", "application/pdf"),
        (samples.TEXT, "a.txt", "text/plain"),
        (samples.CSV, "a.csv", "text/csv"),
        (b"\xef\xbb\xbfwith a mark", "a.txt", "text/plain"),
        (samples.image(), "a.png", "image/png"),
        (samples.image(form="JPEG"), "a.jpg", "image/jpeg"),
        (samples.image(form="GIF"), "a.gif", "image/gif"),
        (samples.image(form="WEBP"), "a.webp", "image/webp"),
        (samples.DOCX, "a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (samples.ODT, "a.odt", "application/vnd.oasis.opendocument.text"),
        (samples.zip_of({"a.txt": b"x"}), "a.zip", "application/zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.doc", "application/msword"),
        (b"{\\rtf1 hello}", "a.rtf", "application/rtf"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(32), "a.mp4", "video/mp4"),
    ],
)
def test_what_people_send_is_known_and_allowed(data: bytes, name: str, expected: str) -> None:
    assert kind_of(data, name) == expected
    assert expected in filetypes.ALLOWED


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"MZ" + bytes(100), "report.pdf"),
        (b"\x7fELF" + bytes(100), "holiday.png"),
        (b"#!/bin/sh\nrm -r ~\n", "notes.txt"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "notes.txt"),
        (b"  \n<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "logo.png"),
        (b"\xef\xbb\xbf<HTML>", "a.csv"),
        (b"<?php system($_GET['c']);", "a.txt"),
        (samples.MACROS, "a.docx"),
        (samples.zip_of({"[Content_Types].xml": b"x", "word/a": b"x", "word/VBAPROJECT.BIN": b"x"}), "a.docx"),
        (samples.zip_of({"[Content_Types].xml": b"x", **MANY, "word/vbaProject.bin": b"x"}), "a.docx"),
        (samples.zip_of({"meta-inf/manifest.mf": b"x", "A.class": b"x"}), "a.zip"),
        (samples.zip_of({"META-INF/MANIFEST.MF": b"x", "A.class": b"x"}), "a.zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "setup.pdf"),
        (b"PK\x03\x04" + bytes(100), "a.docx"),
        (bytes(range(256)), "a.txt"),
        (b"\xca\xfe\xba\xbe" + bytes(40), "a.pdf"),
    ],
)
def test_what_can_be_run_or_is_unknown_is_not_allowed_whatever_it_is_called(data: bytes, name: str) -> None:
    assert kind_of(data, name) not in filetypes.ALLOWED


@pytest.mark.parametrize("name", ["a.exe", "a.PDF.Js", "a.html", "a.svg", "x.docm", "x.lnk", "a.b.sh", "a.ps1"])
def test_names_that_a_desktop_runs_are_known(name: str) -> None:
    assert is_run_by_name(name)
    assert not is_run_by_name(f"{name}.pdf")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\a\\q.xlsx", "q.xlsx"),
        ("a\x00b\r\nc.txt", "abc.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("  two   words .txt ", "two words.txt"),
        ("..", "file"),
        ("", "file"),
        ("Größe 日本.png", "Größe 日本.png"),
        ("x" * 400 + ".pdf", "x" * 251 + ".pdf"),
        ("é" * 200, "é" * 127),
    ],
)
def test_a_name_is_cleaned(typed: str, kept: str) -> None:
    assert clean_name(typed) == kept


@given(st.text(max_size=400))
def test_any_name_becomes_one_that_is_safe_and_stays_as_it_is(typed: str) -> None:
    name = clean_name(typed)
    assert 0 < len(name.encode()) <= 255
    assert not set("/\\\x00\r\n\u202e\u200f") & set(name)
    assert clean_name(name) == name


def test_an_images_size_is_the_size_at_which_it_is_shown() -> None:
    assert read_image_size(io.BytesIO(samples.image(40, 30)), media_type="image/png") == (40, 30)
    turned = samples.image(40, 30, form="JPEG", turn=6)
    assert read_image_size(io.BytesIO(turned), media_type="image/jpeg") == (30, 40)


def test_an_image_that_would_unpack_to_far_too_much_is_refused_from_its_header() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(NotAnImage):
        read_image_size(io.BytesIO(bomb + b"\x00\x00\x00\x00IEND\xaeB`\x82"), media_type="image/png")


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n" + bytes(60), b"\x89PNG\r\n\x1a\n", samples.image(form="JPEG")])
def test_what_is_no_image_of_its_type_is_refused(data: bytes) -> None:
    with pytest.raises(NotAnImage):
        read_image_size(io.BytesIO(data), media_type="image/png")


def test_a_part_that_would_unpack_to_gigabytes_is_not_unpacked() -> None:
    """Forty megabytes of zeros take forty kilobytes: what is allowed to come in would unpack to fifty gigabytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", bytes(40_000_000))
    assert kind_of(file.getvalue(), "a.odt") not in filetypes.ALLOWED
    assert peak_bytes_for(file.getvalue()) < 4_000_000


def test_a_list_of_endlessly_many_parts_is_not_read() -> None:
    place, parts = b"PK\x03\x04" + bytes(26) + b"a", 60_000
    listed = struct.pack("<4s24xH12xL", b"PK\x01\x02", 1, 0)[:46] + b"a"
    end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 65_535, 65_535, parts * len(listed), len(place), 0)
    data = place + parts * listed + end
    assert len(zipfile.ZipFile(io.BytesIO(data)).namelist()) == parts, "it is a zip file as the library reads them"
    assert kind_of(data, "a.zip") == filetypes.UNKNOWN
    assert peak_bytes_for(data) < 8_000_000


def test_a_zip_file_that_breaks_while_it_is_unpacked_is_unknown() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", b"application/vnd.oasis.opendocument.text")
    data = bytearray(file.getvalue())
    start = 30 + len("mimetype")
    data[start : start + 20] = b"\x07" * 20
    assert kind_of(bytes(data), "a.odt") == filetypes.UNKNOWN


def peak_bytes_for(data: bytes) -> int:
    """Return how much memory a look at a file takes at its worst."""
    file = io.BytesIO(data)
    tracemalloc.start()
    try:
        sniff(file, name="file")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
