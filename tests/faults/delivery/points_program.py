"""Kills each act at its steps, does what whoever asked would do then, and says what is wrong. A program of its own:

it runs beside a server in the environment of the product under test, after office_program, and forks a child for
whatever it does, so that it keeps neither a thread nor a connection. Arguments: how many kills an act, the seed, the
office as JSON. What clients were told goes to `acts.jsonl` in the product's folder; it prints one JSON line an act.
"""

import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import connections
from django.test import Client
from django.utils import timezone

from archive import ledger
from archive.models import Blob, Head
from messenger.conversations import attachments
from messenger.people.models import Person
from messenger.policy.actions import add_rule
from messenger.sms.transports.registry import CARRIERS
from messenger.spaces.models import Membership
from tests.faults.delivery.acts import ACTS, FORBIDDEN, Act, Scene
from tests.faults.delivery.acts_texts import CARRIER, TEXT_ACTS
from tests.faults.delivery.broken_acts import BROKEN
from tests.faults.delivery.carrier import FileCarrier
from tests.faults.delivery.clients import Log, Seat
from tests.faults.steps import Ended, Line, Tell, run_in_child

SWEEP_LATER = timedelta(days=3)
LEAST_OF_A_CONTROL = 8


@dataclass
class Outcome:
    """What the kills of one act showed: `done` counts those after which the record had it although nobody was told."""

    act: str
    steps: int = 0
    kills: int = 0
    points: list[int] = field(default_factory=list)
    done: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass
class Course:
    """One act after another, each killed at many steps."""

    scene: Scene
    log: Log
    dice: random.Random

    def try_act(self, act: Act, *, kills: int) -> Outcome:
        outcome = Outcome(act.name)
        given = self._settle(act, outcome, {}, Ended(1, []), number=0)
        whole = self._run(partial(act.do, given), die_at=0)
        outcome.steps = whole.steps
        given = self._settle(act, outcome, given, whole, number=1)
        for number in range(kills):
            # One in each stretch of equal length: every step, where the kills suffice.
            die_at = 1 + (number * outcome.steps + self.dice.randrange(outcome.steps)) // kills
            ended = self._run(partial(act.do, given), die_at=die_at)
            if ended.steps:
                outcome.steps = ended.steps  # fewer than the first time, which makes what later ones find
            else:
                outcome.kills += 1
                outcome.points.append(die_at)
            given = self._settle(act, outcome, given, ended, number=number + 2)
        return outcome

    def _settle(self, act: Act, outcome: Outcome, given: Line, ended: Ended, *, number: int) -> Line:
        """Go on after the child, examine what is there, and make ready for the next; in a child that lives."""
        size_before = given.get("size", 0)

        def settle(tell: Tell) -> None:
            size = head_size()
            if given:
                act.go_on(given, tell, told=ended.told)
                tell({"event": "faults", "faults": [f"{number}: {fault}" for fault in act.faults(given)]})
            tell({"event": "ready", "had": size, "given": act.prepare(number), "size": head_size()})

        *rest, ready = self._run(settle, die_at=0).told
        outcome.faults += [fault for line in rest if line["event"] == "faults" for fault in line["faults"]]
        is_untold = not any(line["event"] != "sent" for line in ended.told)
        outcome.done += not ended.steps and is_untold and ready["had"] > size_before
        return dict(ready["given"], size=ready["size"])

    def _run(self, act: Callable[[Tell], object], *, die_at: int) -> Ended:
        ended = run_in_child(lambda tell: act(_timed(tell)), die_at=die_at)
        for line in ended.told:
            if line["event"] in ("sent", "acked", "refused"):
                self.log.add(line)
        return ended


def _timed(tell: Tell) -> Tell:
    return lambda line: tell({"t": time.monotonic(), **line})


def head_size() -> int:
    return Head.objects.get(id=Head.ONLY).size


def set_stage(scene: Scene, tell: Tell) -> None:
    """Make the rule that refuses, and the group that nobody hears."""
    officer = Person.objects.get(email="cora@firm.example")
    add_rule("Promises", pattern=FORBIDDEN, effect="refuse", by=officer, at=timezone.now())
    bob, carol = scene.quiet_seats
    wish = {"kind": "group", "title": "Quiet", "people": [carol.person]}
    tell({"quiet": scene.call("POST", "conversations", wish, seat=bob).json()["id"]})


def look_at_everything(scene: Scene, tell: Tell) -> None:
    """Check the whole record with its files, the chat's rows, and that the sweep leaves only files of the record."""
    attachments.sweep(at=timezone.now() + SWEEP_LATER)
    report, compared = ledger.check(), ledger.compare()
    kept = {path.name for path in settings.ONRECORD_BLOB_DIR.glob("??/*")}
    claimed = set(Blob.objects.exclude(seq=None).values_list("digest", flat=True))
    faults = [str(problem) for problem in (*report.problems, *compared.problems)]
    faults += [f"blob {digest} is kept for nobody, or missing" for digest in sorted(kept ^ claimed)]
    heads = Membership.objects.filter(person=scene.alice.person, until_n=None)
    rows = heads.values_list("roster__conversation", "roster__conversation__head")
    tell({"act": "everything", "faults": faults, "size": report.size, "heads": dict(rows)})


def warm_up() -> None:
    """Load what the first request loads, so that not every child does."""
    Client(HTTP_HOST="localhost").get("/api/v1/me")


def main() -> None:
    for connection in connections.all():
        connection.settings_dict["OPTIONS"].pop("pool", None)  # its connections would be shared with the children
    kills, seed, office = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    folder = Path(settings.ONRECORD_VAR).parent
    carrier = CARRIERS[CARRIER] = FileCarrier(folder)
    warm_up()
    scene = Scene([Seat(**seat) for seat in office["seats"]], office["conversations"], 0, carrier)
    (stage,) = run_in_child(partial(set_stage, scene), die_at=0).told
    scene = Scene(scene.seats, scene.groups, stage["quiet"], carrier)
    for name, acts, count in (("acts", (*ACTS, *TEXT_ACTS), kills), ("broken", BROKEN, max(kills, LEAST_OF_A_CONTROL))):
        log = Log(folder / f"{name}.jsonl")
        course = Course(scene, log, random.Random(f"{seed} {name}"))
        for act in acts:
            print(json.dumps(asdict(course.try_act(act(scene), kills=count))), flush=True)
        log.close()
    (found,) = run_in_child(partial(look_at_everything, scene), die_at=0).told
    print(json.dumps(found), flush=True)
