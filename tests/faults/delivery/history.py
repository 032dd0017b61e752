"""Judges a run of delivery by what it left behind: client logs, database rows, the record. Must not talk to a server.

Lines of a log are what a client knows: `sent`, `acked`, `refused`, `failed` (a try); `began` (reads on after a number),
`received`, `gap`, `connected`, `closed`, `finished`; and what the rig did: `revoked`, `fault`, `healed`, `memory`; each
with its time `t` in s. The rules: I1 acknowledged is stored, I2 under a signed checkpoint, I3 nothing is heard without
its entry, I4 everybody entitled has it exactly once, I5 one order without gaps, I6 a retry resolves what was left open,
I7 nothing after a revocation, I8 the record verifies, I11 it comes back by itself, I12 memory is bounded.
"""

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Line = dict[str, Any]
CREATED = "message.created"
INBOUND = "sms.received"  # which clients are told as a message
MOST_SHOWN = 5  # of one rule: a broken run breaks thousands


@dataclass(frozen=True)
class Fault:
    """A rule that does not hold, and the first thing that shows it."""

    rule: str
    what: str


@dataclass
class Stored:
    """What database and record hold at the end."""

    messages: list[Line] = field(default_factory=list)  # {c, n, seq, key, body, person}
    events: list[Line] = field(default_factory=list)  # {c, n, seq, kind}
    stays: list[Line] = field(default_factory=list)  # {c, person, from_n, until_n}
    entries: list[Line] = field(default_factory=list)  # {seq, stream, n, kind, key, body}
    signed_size: int = 0  # of the newest checkpoint whose signature is good
    problems: list[str] = field(default_factory=list)  # of the check of the whole record


@dataclass
class Limits:
    """What a run is held to beside the rules that have no measure."""

    resume_s: float = 10.0
    deliver_s: float | None = None  # from the acknowledgement to every reader
    close_s: float = 1.0  # from the answer to a revocation to the end of the sockets
    memory_growth: float | None = None


@dataclass
class Verdict:
    """Every fault found, and how much was looked at: a run in which little happened shows little."""

    faults: list[Fault]
    counts: Counter[str]
    slowest_s: float  # from an acknowledgement to a reader

    @property
    def broken(self) -> set[str]:
        return {fault.rule for fault in self.faults}

    def line(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in sorted(self.counts.items()))
        word = "HOLDS" if not self.faults else "BROKEN " + " ".join(sorted(self.broken))
        return f"{word}: {counts}; slowest delivery {self.slowest_s:.2f} s"


def read_log(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def judge(log: Iterable[Line], stored: Stored, limits: Limits | None = None) -> Verdict:
    """Return what does not hold. Reads nothing but its arguments."""
    history = History(list(log), stored, limits or Limits())
    checks = (
        check_acknowledged,
        check_senders,
        check_record,
        check_streams,
        check_heard,
        check_readers,
        check_delay,
        check_revoked,
        check_recovery,
        check_memory,
    )
    faults = [fault for check in checks for fault in _first(check(history))]
    return Verdict(faults, history.counts(), history.slowest_s())


class History:
    """The lines by kind and the rows by place, so that each check reads like its rule."""

    def __init__(self, log: list[Line], stored: Stored, limits: Limits) -> None:
        self.stored, self.limits = stored, limits
        self.by_event: dict[str, list[Line]] = defaultdict(list)
        for line in log:
            self.by_event[line["event"]].append(line)
        self.messages = {(row["c"], row["n"]): row for row in stored.messages}
        self.events = {(row["c"], row["n"]): row for row in stored.events}
        self.entries = {row["seq"]: row for row in stored.entries}
        self.heads = {c: max(n for at, n in self.events if at == c) for c in {c for c, _ in self.events}}
        self.stays: dict[tuple[int, int], list[Line]] = defaultdict(list)
        for row in stored.stays:
            self.stays[row["c"], row["person"]].append(row)

    def __getitem__(self, event: str) -> list[Line]:
        return self.by_event.get(event, [])

    def counts(self) -> Counter[str]:
        names = ("sent", "acked", "refused", "failed", "received", "gap", "connected", "closed", "revoked", "fault")
        return Counter({name: len(self[name]) for name in names if self[name]})

    def slowest_s(self) -> float:
        acked_at = {line["key"]: line["t"] for line in self["acked"]}
        return max((line["t"] - acked_at.get(line.get("key"), line["t"]) for line in self["received"]), default=0.0)

    def received_by(self) -> dict[tuple[str, int], list[Line]]:
        """Return what each reader heard of each conversation, in the order in which it came."""
        heard: dict[tuple[str, int], list[Line]] = defaultdict(list)
        for line in self["received"]:
            heard[line["reader"], line["c"]].append(line)
        return heard


def _first(faults: Iterator[Fault]) -> list[Fault]:
    """Return the faults, but of each rule only the first few."""
    shown: Counter[str] = Counter()
    kept = []
    for fault in faults:
        shown[fault.rule] += 1
        if shown[fault.rule] <= MOST_SHOWN:
            kept.append(fault)
    return kept


def check_acknowledged(history: History) -> Iterator[Fault]:
    """I1, I2: what was acknowledged is in the table and in the record, at the place that the sender was told."""
    bodies = {line["key"]: line["body"] for line in history["sent"]}
    for line in history["acked"]:
        row = history.messages.get((line["c"], line["n"]))
        if row is None or (row["key"], row["seq"]) != (line["key"], line["seq"]):
            yield Fault("I1", f"{line['who']} was told c={line['c']} n={line['n']} seq={line['seq']}: stored is {row}")
        elif row["body"] != bodies[line["key"]]:
            yield Fault("I1", f"message {line['key']} has other words than were sent")
        entry = history.entries.get(line["seq"])
        if entry is None or entry["key"] != line["key"] or entry["body"] != bodies[line["key"]]:
            yield Fault("I2", f"acknowledged c={line['c']} n={line['n']} has no entry {line['seq']} that says it")
        elif line["seq"] >= history.stored.signed_size:
            yield Fault("I2", f"entry {line['seq']} is above the signed {history.stored.signed_size}")


def check_senders(history: History) -> Iterator[Fault]:
    """I6: each message is there at most once, and once when its sender ended. I5: a sender's own order is kept."""
    resolved = {line["key"] for line in (*history["acked"], *history["refused"])}
    by_body = Counter((row["person"], row["body"]) for row in history.stored.messages)
    by_key = Counter(row["key"] for row in history.stored.messages)
    place = {row["key"]: row["seq"] for row in history.stored.messages}
    last: dict[tuple[str, int], int] = {}
    seen: set[tuple[str, str]] = set()
    for line in history["sent"]:
        if (line["who"], line["body"]) in seen:
            continue  # another try of the same words
        seen.add((line["who"], line["body"]))
        if by_key[line["key"]] > 1 or by_body[line["person"], line["body"]] > 1:
            yield Fault("I6", f"{line['body']!r} of {line['who']} is stored twice")
        if line["key"] not in resolved:
            yield Fault("I6", f"{line['body']!r} of {line['who']} was never resolved")
        seq = place.get(line["key"])
        if seq is not None:
            if seq < last.get((line["who"], line["c"]), -1):
                yield Fault("I5", f"{line['body']!r} of {line['who']} stands before what was sent earlier")
            last[line["who"], line["c"]] = seq


def check_record(history: History) -> Iterator[Fault]:
    """I8: the whole record verifies. I3 of the tables: every row says what its entry says."""
    for problem in history.stored.problems:
        yield Fault("I8", problem)
    for row in history.stored.messages:
        entry = history.entries.get(row["seq"])
        if entry is None or (_key_in_entry(entry, row["key"]), entry["body"]) != (row["key"], row["body"]):
            yield Fault("I8", f"message c={row['c']} n={row['n']} differs from its entry {row['seq']}")


def _key_in_entry(entry: Line, key: str) -> str:
    """Return the client key that an entry holds; what a phone sent has none there, its row's key is ours alone."""
    return key if entry["kind"] == INBOUND else str(entry["key"])


def check_streams(history: History) -> Iterator[Fault]:
    """I5: the events of each conversation are numbered 1, 2, 3 … in the order of the record, and are its entries."""
    by_conversation: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    for row in history.stored.events:
        by_conversation[row["c"]].append((row["n"], row["seq"], row["kind"]))
    recorded = _recorded_by_conversation(history)
    for c in by_conversation.keys() | recorded.keys():
        places = sorted(by_conversation[c])
        if [n for n, _, _ in places] != list(range(1, len(places) + 1)):
            yield Fault("I5", f"conversation {c} has a gap or a number twice")
        if [seq for _, seq, _ in places] != sorted(seq for _, seq, _ in places):
            yield Fault("I5", f"conversation {c}: its numbers do not follow the record")
        # The last event of all could be missing from the table without leaving a gap.
        for n, seq, kind in set(places) ^ recorded[c]:
            yield Fault("I5", f"conversation {c}: number {n}, entry {seq}, {kind}, is not in both of table and record")


def _recorded_by_conversation(history: History) -> dict[int, set[tuple[int, int, str]]]:
    recorded: dict[int, set[tuple[int, int, str]]] = defaultdict(set)
    for entry in history.stored.entries:
        name, _, number = entry["stream"].partition(":")
        if name == "conversation":
            recorded[int(number)].add((entry["n"], entry["seq"], entry["kind"]))
    return recorded


def check_heard(history: History) -> Iterator[Fault]:
    """I3: whatever a client heard is an entry of the record, as what it is, word for word, and by who said it."""
    for line in history["received"]:
        event = history.events.get((line["c"], line["n"]))
        entry = history.entries.get(event["seq"]) if event else None
        place = f"c={line['c']} n={line['n']}"
        if event is None or entry is None:
            yield Fault("I3", f"{line['reader']} heard {place}, which is not in the record")
        elif line["kind"] != (CREATED if event["kind"] == INBOUND else event["kind"]):
            yield Fault("I3", f"{line['reader']} heard {place} as {line['kind']}, it is {event['kind']}")
        elif line["kind"] == CREATED:
            yield from _heard_words(history, line, entry)


def _heard_words(history: History, line: Line, entry: Line) -> Iterator[Fault]:
    place = f"c={line['c']} n={line['n']}"
    message = history.messages.get((line["c"], line["n"]))
    key = _key_in_entry(entry, message["key"] if message else "")
    if (line.get("seq"), line.get("key"), line.get("body")) != (entry["seq"], key, entry["body"]):
        yield Fault("I3", f"{line['reader']} heard other words at {place} than the entry has")
    if message is not None and message["person"] not in (None, line.get("author")):
        yield Fault("I3", f"{line['reader']} was told another author of {place} than the table has")


def check_readers(history: History) -> Iterator[Fault]:
    """I4, I5: each reader has each number that was theirs, once and in order; all of them, when the reader finished."""
    heard = history.received_by()
    finished = {line["reader"] for line in history["finished"]}
    for began in history["began"]:
        reader, c = began["reader"], began["c"]
        numbers = [line["n"] for line in heard.get((reader, c), [])]
        twice = [n for n, count in Counter(numbers).items() if count > 1]
        if twice:
            yield Fault("I4", f"{reader} heard c={c} n={twice[0]} twice")
        if numbers != sorted(numbers):
            yield Fault("I5", f"{reader} heard c={c} out of order")
        for stay in history.stays[c, began["person"]]:
            head = history.heads.get(c, 0) if reader in finished else None
            yield from _one_stay(began, stay, set(numbers), head=head)


def _one_stay(began: Line, stay: Line, numbers: set[int], *, head: int | None) -> Iterator[Fault]:
    """What was heard of a stay has no hole. The end may be missing where the stay ended: nobody can resume it then."""
    first = max(stay["from_n"], began["after"] + 1)
    last = max((n for n in numbers if n >= first and n <= (stay["until_n"] or n)), default=first - 1)
    if stay["until_n"] is None and head is not None:
        last = head
    missing = set(range(first, last + 1)) - numbers
    if missing:
        place = f"c={began['c']} n={min(missing)}"
        yield Fault("I4", f"{began['reader']} never heard {place} and {len(missing) - 1} more up to {last}")


def check_delay(history: History) -> Iterator[Fault]:
    """I4 in time: what was acknowledged was heard by every reader within the limit, where the run has one."""
    if history.limits.deliver_s is None:
        return
    acked_at = {line["key"]: line["t"] for line in history["acked"]}
    for line in history["received"]:
        late = line["t"] - acked_at.get(line.get("key", ""), line["t"])
        if late > history.limits.deliver_s:
            yield Fault("I4", f"{line['reader']} heard c={line['c']} n={line['n']} {late:.1f} s late")


def check_revoked(history: History) -> Iterator[Fault]:
    """I7: nobody hears a number outside their stay, and no ended session anything entered after its end."""
    person_of = {line["reader"]: line["person"] for line in history["began"]}
    for line in history["received"]:
        stays = history.stays[line["c"], person_of[line["reader"]]]
        if not any(s["from_n"] <= line["n"] <= (s["until_n"] or line["n"]) for s in stays):
            yield Fault("I7", f"{line['reader']} heard c={line['c']} n={line['n']} outside their membership")
    for revoked in history["revoked"]:
        yield from _after_the_end(history, revoked)


def _after_the_end(history: History, revoked: Line) -> Iterator[Fault]:
    """The end is the first entry of its kind after the newest one that there was before (`after`, else from the start).

    The last of its kind may be of another session that ended later, and would excuse what was heard in between.
    """
    wanted = (revoked["stream"], revoked["kind"])
    ends = [e["seq"] for e in history.stored.entries if (e["stream"], e["kind"]) == wanted]
    end = min((seq for seq in ends if seq > revoked.get("after", -1)), default=None)
    if end is None:
        yield Fault("I7", f"the record has no {revoked['kind']} in {revoked['stream']}")
        return
    for reader in revoked["readers"]:
        yield from _was_shut_out(history, revoked, reader)
    for line in history["received"]:
        event = history.events.get((line["c"], line["n"]))
        if line["reader"] in revoked["readers"] and event is not None and event["seq"] > end:
            yield Fault("I7", f"{line['reader']} heard c={line['c']} n={line['n']} after {revoked['kind']}")


def _was_shut_out(history: History, revoked: Line, reader: str) -> Iterator[Fault]:
    """The socket that was open then was closed in time, and no other one was welcomed later."""
    limit = revoked["t"] + history.limits.close_s
    welcomed = [line["t"] for line in history["connected"] if line["reader"] == reader]
    opened = max((t for t in welcomed if t <= revoked["t"]), default=0.0)
    if not any(opened <= line["t"] <= limit for line in history["closed"] if line["reader"] == reader):
        yield Fault("I7", f"{reader} was not closed within {history.limits.close_s} s of {revoked['kind']}")
    if any(t > limit for t in welcomed):
        yield Fault("I7", f"{reader} was welcomed again after {revoked['kind']}")


def check_recovery(history: History) -> Iterator[Fault]:
    """I11: after each fault was healed, somebody is acknowledged within the limit, and every reader is connected."""
    acks = sorted(line["t"] for line in history["acked"])
    for healed in history["healed"]:
        after = next((t for t in acks if t >= healed["t"]), None)
        if after is None or after - healed["t"] > history.limits.resume_s:
            took = "never" if after is None else f"after {after - healed['t']:.1f} s"
            yield Fault("I11", f"after {healed['what']}, the next acknowledgement came {took}")
    finished = {line["reader"] for line in history["finished"]}
    revoked = {reader for line in history["revoked"] for reader in line["readers"]}
    for reader in sorted({line["reader"] for line in history["began"]} - finished - revoked):
        yield Fault("I11", f"{reader} did not come back or did not catch up")


def check_memory(history: History) -> Iterator[Fault]:
    """I12: the server's memory at the end is what it was once it had warmed up, within the growth allowed."""
    sizes = [line["rss"] for line in history["memory"]]
    if history.limits.memory_growth is None:
        return
    quarter = len(sizes) // 4
    if quarter == 0:
        yield Fault("I12", "memory was not measured")
        return
    warm, end = statistics.median(sizes[quarter : 2 * quarter]), statistics.median(sizes[-quarter:])
    if end > warm * (1 + history.limits.memory_growth):
        yield Fault("I12", f"memory grew from {warm / 2**20:.1f} to {end / 2**20:.1f} MiB")
