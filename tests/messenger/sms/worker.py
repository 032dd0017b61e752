"""A worker process of the race tests: claims and sends through the simulator until nothing is due, then says what.

Run by test_race.py as `python -m tests.messenger.sms.worker <ISO time> <leasing|careless>`; the database comes from the
environment. The careless kind is the control: it sends what it read, as a worker without leases would.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
django.setup()

from messenger.sms import actions  # noqa: E402  # models load after Django is set up
from messenger.sms.models import Attempt  # noqa: E402
from messenger.sms.segments import split  # noqa: E402
from messenger.sms.transports.contract import Outgoing  # noqa: E402
from messenger.sms.transports.registry import carrier_named  # noqa: E402

Work = Callable[[datetime], list[str]]


def leasing(at: datetime) -> list[str]:
    sent = []
    while leased := actions.claim_due(limit=2, at=at).leased:
        for attempt in leased:
            actions.mark(attempt, result=actions.submit(attempt), at=at)
            sent.append(str(attempt.pk))
    return sent


def careless() -> Work:
    read = list(Attempt.objects.filter(state="queued").select_related("contact"))

    def send_all(at: datetime) -> list[str]:
        for attempt in read:
            parts = split(attempt.text).parts
            reference, to, sender = str(attempt.pk), attempt.contact.number, attempt.sender
            outgoing = Outgoing(reference=reference, to=to, sender=sender, parts=parts, encoding="gsm7")
            carrier_named("simulator").submit(outgoing)
        return [str(attempt.pk) for attempt in read]

    return send_all


def main(at: datetime, *, kind: str) -> None:
    work = careless() if kind == "careless" else leasing
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(work(at)), flush=True)


if __name__ == "__main__":
    main(datetime.fromisoformat(sys.argv[1]), kind=sys.argv[2])
