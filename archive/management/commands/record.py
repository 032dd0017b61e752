"""`manage.py record`: check the record, print its key or checkpoint, record the heads, publish it, compare it.

It must not print content or keys other than the public one.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from archive import ledger, publish, segments
from archive.checkpoint import BadCheckpoint
from archive.management import outside
from archive.management.readiness import NOT_READY, UNPREPARED

FAILURES = (
    ledger.BadPlace,
    ledger.EntryNotFound,
    ledger.ForeignRecord,
    ledger.KeyMissing,
    ledger.NotBehind,
    publish.PublishFailed,
    segments.RefillRefused,
    segments.StoreAway,
    segments.StoreRefused,
    OSError,
    ValueError,
)
NOT_LOOKED_AT = (
    "Contents, keys, search rows, earlier checkpoints and chat rows were not looked at: "
    "`record check` without --fast does that."
)


class Command(BaseCommand):
    """One sub-command each; `check` exits 1 when anything is wrong and names the first bad entry."""

    help = "Check, publish or compare the record, print its verifier key or checkpoint, record the stream heads."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        check = commands.add_parser("check", help="check every entry; exit 1 and name the first bad one")
        check.add_argument("--json", action="store_true", help="print the report as JSON")
        check.add_argument("--resume", type=Path, metavar="FILE", help="keep the place in a file, and go on from there")
        check.add_argument(
            "--fast", action="store_true", help="hash the leaves only: proves less, and does not open contents"
        )
        check.add_argument(
            "--no-blobs", action="store_true", help="leave out the files that entries name: quicker, and proves less"
        )
        check.add_argument(
            "--workers", type=int, default=min(os.cpu_count() or 1, 4), metavar="N", help="processes that open entries"
        )
        commands.add_parser("key", help="print the verifier key, to be published where verifiers find it")
        commands.add_parser("checkpoint", help="print the latest signed checkpoint")
        broken = commands.add_parser("break", help="go on with a database that was put back, and record what is lost")
        broken.add_argument("--reason", required=True, help="why, in words that an examiner will read")
        commands.add_parser(
            "heads", help="record the last item of every stream, so that exports can prove completeness"
        )
        publishing = commands.add_parser("publish", help="write checkpoint, tiles and entries as C2SP tlog-tiles")
        publishing.add_argument("folder", type=Path)
        publishing.add_argument("--prove", type=int, nargs="+", default=[], metavar="N", help="entries to prove")
        compare = commands.add_parser("compare", help="compare the record with a checkpoint that was published before")
        compare.add_argument("file", type=Path, help="the published checkpoint")
        compare.add_argument("--stamp", type=Path, metavar="REPLY", help="a time stamp over that file")
        outside.add_parsers(commands)

    def handle(self, *args: Any, **options: Any) -> None:  # Any: as Django declares it
        try:
            self._run(options["what"], options)
        except FAILURES as error:
            raise CommandError(str(error)) from error
        except UNPREPARED as error:
            raise CommandError(NOT_READY.format(error=str(error).splitlines()[0])) from error

    def _run(self, what: str, options: dict[str, Any]) -> None:  # Any: as Django declares it
        if what == "check" and options["fast"] and options["resume"]:
            raise CommandError("--resume keeps the place of a whole check; it does not go with --fast.")
        if what == "check" and options["fast"]:
            self._check_leaves(as_json=options["json"])
        elif what == "check":
            check = ledger.check_without_files if options["no_blobs"] else ledger.check_all
            check = partial(check, workers=options["workers"])
            self._check(check, as_json=options["json"], resume=options["resume"])
        elif what == "key":
            self.stdout.write(ledger.verifier_key())
        elif what == "checkpoint":
            self.stdout.write(ledger.latest_checkpoint().note, ending="")
        elif what == "publish":
            self._publish(options["folder"], prove=options["prove"])
        elif what == "compare":
            self._compare(options["file"], stamp=options["stamp"])
        elif what == "stamps":
            _exit_unless(outside.verify_stamps(self.stdout.write, folder=options["write"]))
        elif what == "refill":
            _exit_unless(outside.refill_record(options["store"], self.stdout.write))
        elif what == "segments":
            _exit_unless(outside.run_segments(options["act"], self.stdout.write))
        elif what == "break":
            if not options["reason"].strip():
                raise CommandError("--reason is empty: an examiner will want to read why.")
            receipt = ledger.record_break(reason=options["reason"], at=datetime.now(UTC))
            self.stdout.write(f"The loss is accepted in entry {receipt.seq}. Tell those who witness the record.")
        else:
            receipt = ledger.record_heads(datetime.now(UTC))
            self.stdout.write(f"The heads of all streams are entry {receipt.seq}.")

    def _check(self, check: Callable[..., ledger.CheckReport], *, as_json: bool, resume: Path | None) -> None:
        place = ledger.PlaceFile(resume) if resume else None
        report = check(on_progress=self._show_progress, place=place)
        self._print(report, sentences=_sentences(report), as_json=asdict(report) if as_json else None)

    def _check_leaves(self, *, as_json: bool) -> None:
        report = ledger.check_leaves(on_progress=self._show_progress)
        sentences = [*_leaf_sentences(report), NOT_LOOKED_AT]
        self._print(report, sentences=sentences, as_json={**asdict(report), "checked": "leaves"} if as_json else None)

    def _print(self, report: ledger.CheckReport, *, sentences: list[str], as_json: dict[str, Any] | None) -> None:
        self.stderr.write("")
        self.stdout.write("\n".join(sentences) if as_json is None else json.dumps(as_json, sort_keys=True))
        if not report.is_sound:
            raise SystemExit(1)

    def _publish(self, folder: Path, *, prove: list[int]) -> None:
        published = publish.publish(folder, at=datetime.now(UTC), prove=prove)
        self.stderr.write(f"{published.size} entries are published in {folder}; {published.written} files are new.")
        self.stdout.write("\n".join(published.keys))

    def _compare(self, file: Path, *, stamp: Path | None) -> None:
        try:
            note = file.read_text(encoding="utf-8")
            if stamp is not None:  # first: it also tells who made a checkpoint that contradicts the record, and when
                self.stdout.write(outside.describe_stamp(stamp, note=note))
            statement = publish.require_contained(note)
        except (publish.Contradicted, BadCheckpoint, UnicodeDecodeError, outside.StampRefused) as error:
            self.stdout.write(f"NOT the record that was published: {error}")
            raise SystemExit(1) from error
        self.stdout.write(f"The record begins with the {statement.size} entries of the published checkpoint.")

    def _show_progress(self, done: int, total: int) -> None:
        self.stderr.write(f"\r{done} of {total} entries", ending="")


def _exit_unless(is_well: bool) -> None:
    if not is_well:
        raise SystemExit(1)


def _leaf_sentences(report: ledger.CheckReport) -> list[str]:
    if report.is_sound:
        return [f"The leaves are those under the signed checkpoint of {report.size} entries."]
    return _sentences(report)


def _sentences(report: ledger.CheckReport) -> list[str]:
    if report.is_sound:
        gone = f", {report.disposed} of them disposed of" if report.disposed else ""
        return [f"The record is sound: {report.size} entries{gone}."]
    first = report.problems[0]
    place = "no single entry" if first.seq is None else f"entry {first.seq}"
    lines = [f"The record is NOT sound. The first fault is at {place}: {first.what}"]
    return lines + [f"  {'–' if problem.seq is None else problem.seq}: {problem.what}" for problem in report.problems]
