"""Wrapped record keys of a run of entries and the names of its streams, in the key folder: what a refill opens them by.

They are no use without the wrapping keys beside them, so a wrapping key that a disposal destroys takes them with it;
survivors are written anew (docs/decisions). Danger: these files must never go where the segments go, and are only
written from a database that is not behind its guard.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from archive import ledger
from archive.keys.files import destroy_key_file, make_folder, replace_key_file
from archive.models import Entry, Head, RecordKey, Stream
from archive.retention import derived
from archive.segments.bag import Run

FOLDER = "records"
HEADER = "onrecord-record-keys-1"
_NAME = re.compile(r"(\d{19})-(\d{19})", re.ASCII)


class BadRecordKeys(ValueError):
    """A file of record keys cannot be read; the message names it."""


WrappedKey = tuple[str, bytes]  # name of the wrapping key, wrapped key


@dataclass
class KeptKeys:
    """What the files say of a run: names of streams by id, wrapped keys by entry.

    An entry may have several: after a loss was accepted, files of what was lost stay beside those of what came instead.
    """

    streams: dict[str, str] = field(default_factory=dict)
    keys: dict[int, list[WrappedKey]] = field(default_factory=dict)


def keep(run: Run) -> None:
    """Write the file of a run, on the disk, and remove those that it contains or that begin as it does.

    One that goes on where the run ends is a tail's. What comes after the run is written before that file goes.
    """
    folder: Path = settings.ONRECORD_KEY_DIR / FOLDER
    make_folder(folder)
    path = _write(folder, run)
    for other, kept in _files(folder):
        if other != path and run.first == kept.first and run.size < min(kept.size, _size()):
            _write(folder, Run(run.size, min(kept.size, _size())))
        if other != path and ((run.first <= kept.first and kept.size <= run.size) or run.first == kept.first):
            destroy_key_file(other)


def register() -> None:
    """Have the files written anew before a disposal destroys keys."""
    derived.register_keeper("record keys", keep=keep_all)


def keep_all() -> None:
    """Write every file anew whose entries were wrapped again, but none from a database that was put back.

    It has the wrapped keys of before, and the files may be the only place that has those of now.
    """
    if ledger.guard_problem():
        return
    size = _size()
    for run in runs():
        if run.size <= size:
            keep(run)


def runs() -> list[Run]:
    """Return the runs that have a file."""
    return [run for _, run in _files(settings.ONRECORD_KEY_DIR / FOLDER)]


def read(run: Run) -> KeptKeys:
    """Return what all files together say about the entries of a run. Raises BadRecordKeys, OSError."""
    folder: Path = settings.ONRECORD_KEY_DIR / FOLDER
    kept = KeptKeys()
    for path, run_of_file in _files(folder):
        if run_of_file.first < run.size and run.first < run_of_file.size:
            _read_into(kept, path)
    return kept


def first_gap(run: Run) -> int | None:
    """Return the first entry of a run that no file is about, None where there is none."""
    place = run.first
    for _, kept in sorted(_files(settings.ONRECORD_KEY_DIR / FOLDER), key=lambda item: item[1].first):
        if kept.first <= place:
            place = max(place, kept.size)
    return place if place < run.size else None


def _write(folder: Path, run: Run) -> Path:
    path = folder / f"{run.first:019}-{run.size:019}"
    # Looked at again after each write: a disposal may have wrapped keys again, and written them, since they were read.
    while (content := "".join(_lines(run)).encode()) != (path.read_bytes() if path.exists() else None):
        replace_key_file(path, content)
    return path


def _size() -> int:
    return Head.objects.values_list("size", flat=True).first() or 0


def _files(folder: Path) -> list[tuple[Path, Run]]:
    names = ((path, _NAME.fullmatch(path.name)) for path in sorted(folder.glob("[0-9]*")))
    return [(path, Run(int(match[1]), int(match[2]))) for path, match in names if match]


def _lines(run: Run) -> Iterator[str]:
    yield f"{HEADER}\n"
    entries = Entry.objects.filter(seq__gte=run.first, seq__lt=run.size)
    streams = Stream.objects.filter(id__in=entries.order_by().values("stream_id").distinct()).order_by("id")
    for stream_id, name in streams.values_list("id", "name"):
        yield f"stream {stream_id} {name}\n"
    keys = RecordKey.objects.filter(seq__gte=run.first, seq__lt=run.size).order_by("seq")
    for seq, bucket, wrapped in keys.values_list("seq", "bucket", "wrapped"):
        yield f"key {seq} {bucket} {base64.b64encode(bytes(wrapped)).decode()}\n"


def _read_into(kept: KeptKeys, path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0] != HEADER:
        raise BadRecordKeys(f"{path} does not begin as a file of record keys.")
    try:
        for line in lines[1:]:
            _read_line(kept, line)
    except (ValueError, binascii.Error) as error:
        raise BadRecordKeys(f"{path} holds a line that is none: {error}.") from error


def _read_line(kept: KeptKeys, line: str) -> None:
    what, _, rest = line.partition(" ")
    if what == "stream":
        stream_id, _, name = rest.partition(" ")
        kept.streams[stream_id] = name
    else:
        seq, bucket, wrapped = rest.split(" ")
        kept.keys.setdefault(int(seq), []).append((bucket, base64.b64decode(wrapped, validate=True)))
