"""How the portal's templates name states. A state is a word and an icon; colour only supports it."""

from dataclasses import dataclass

from django import template

from admin_portal.alarms import TITLES
from admin_portal.models import Alarm, ExportRequest, RecordCheck
from messenger.conversations.models import MessageReport

register = template.Library()


@dataclass(frozen=True)
class State:
    """What a chip shows."""

    word: str
    icon: str
    chip: str = ""


EXPORT_STATES = {
    ExportRequest.WAITING: State("Waiting for approval", "hourglass", "chip-warn"),
    ExportRequest.APPROVED: State("Approved, in line", "clock", "chip-accent"),
    ExportRequest.MAKING: State("Being made", "refresh-cw", "chip-accent"),
    ExportRequest.READY: State("Ready", "package-check", "chip-ok"),
    ExportRequest.DOWNLOADED: State("Downloaded", "download"),
    ExportRequest.REFUSED: State("Refused", "ban", "chip-danger"),
    ExportRequest.FAILED: State("Failed", "triangle-alert", "chip-danger"),
}
REPORT_STATES = {
    MessageReport.OPEN: State("Waiting", "hourglass", "chip-warn"),
    MessageReport.REMOVED: State("Removed", "eye-off"),
    MessageReport.KEPT: State("Kept", "check"),
}
CHECK_STATES = {
    RecordCheck.WAITING: State("In line", "clock", "chip-accent"),
    RecordCheck.RUNNING: State("Running", "refresh-cw", "chip-accent"),
    RecordCheck.DONE: State("Done", "check", "chip-ok"),
    RecordCheck.FAILED: State("Did not finish", "triangle-alert", "chip-danger"),
}
SOUND = State("Sound", "shield-check", "chip-ok")
NOT_SOUND = State("Not sound", "shield-alert", "chip-danger")
EVIDENCE_STATES = {
    "green": State("Held by two kinds or more", "shield-check", "chip-ok"),
    "amber": State("Held by one kind", "triangle-alert", "chip-warn"),
    "red": State("Held by nobody else", "shield-alert", "chip-danger"),
}
SEGMENTS_STATES = {
    "off": State("Not set up", "ban"),
    "none": State("None yet", "hourglass", "chip-warn"),
    "green": State("All as they were sealed", "shield-check", "chip-ok"),
    "amber": State("Not read back in time", "triangle-alert", "chip-warn"),
    "red": State("Look at this", "shield-alert", "chip-danger"),
}
SEGMENT_STATES = {
    "waiting": State("Being sealed", "hourglass", "chip-warn"),
    "sound": State("As it was sealed", "check", "chip-ok"),
    "late": State("Not read back in time", "triangle-alert", "chip-warn"),
    "broken": State("Not read back as sealed", "shield-alert", "chip-danger"),
}
EVIDENCE_KINDS = {
    "witness": "Witnesses",
    "stamp": "Time stamps",
    "copy": "Copies elsewhere",
    "mail": "Copies by mail",
    "segment": "Segments",
}
KINDS = {
    "conversation.created": "Conversation opened",
    "message.created": "Messages",
    "message.refused": "Refused words",
    "message.removed": "Removals",
    "membership.added": "Members who joined",
    "membership.removed": "Members who left",
    "sms.received": "Texts from the client",
    "sms.status": "Steps of a text at the carrier",
}


@register.filter
def kind_name(kind: str) -> str:
    """Return what a kind of entry is called; a kind without a name of its own keeps its technical one."""
    return KINDS.get(kind, kind)


@register.filter
def export_state(export: ExportRequest) -> State:
    return EXPORT_STATES[export.state]


@register.filter
def report_state(report: MessageReport) -> State:
    return REPORT_STATES[report.state]


@register.filter
def check_state(check: RecordCheck) -> State:
    """Return how a check stands; of one that is done, what it found."""
    if check.state == RecordCheck.DONE:
        return SOUND if check.is_sound else NOT_SOUND
    return CHECK_STATES[check.state]


@register.filter
def took(duration_ms: int) -> str:
    """Return a duration in words short enough for a table."""
    seconds = duration_ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:.1f} h"


@register.filter
def alarm_title(alarm: Alarm) -> str:
    return TITLES[alarm.kind]


@register.filter
def evidence_state(level: str) -> State:
    """Return how well the record is held from outside, as a chip."""
    return EVIDENCE_STATES[level]


@register.filter
def evidence_kind(kind: str) -> str:
    """Return what a kind of outside evidence is called."""
    return EVIDENCE_KINDS[kind]


@register.filter
def segments_state(level: str) -> State:
    return SEGMENTS_STATES[level]


@register.filter
def segment_state(state: str) -> State:
    return SEGMENT_STATES[state]
