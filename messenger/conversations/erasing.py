"""Erase what the chat keeps of entries that are disposed of: words, reasons, texts, what carriers told us of them.

Danger: it deletes words for good. It is called by archive.retention only, under the head's lock, in the transaction of
the disposal. Rows stay, emptied, so that numbers have no gap and readers see that something was there.
"""

from collections.abc import Collection, Iterable, Sequence

from django.utils import timezone

from archive import retention
from archive.retention import Erased
from messenger.conversations.models import Message, MessageReport, RefusedPost, StreamEvent
from messenger.sms.erasing import forget_received, forget_sent
from messenger.sms.models import Attempt, ConsentEvent, InboundText, SimulatedText, StatusReport

AT_ONCE = 200  # places in one condition
TABLES = tuple(
    model._meta.db_table
    for model in (
        Message,
        MessageReport,
        RefusedPost,
        StreamEvent,
        Attempt,
        ConsentEvent,
        InboundText,
        SimulatedText,
        StatusReport,
    )
)


def register() -> None:
    """Have the chat's rows erased with every disposal."""
    retention.register_rows("chat", erase=erase, tables=TABLES)


def erase(entries: Sequence[Erased]) -> None:
    """Empty every row that was made from one of these entries."""
    for start in range(0, len(entries), AT_ONCE):
        some = entries[start : start + AT_ONCE]
        seqs = [entry.seq for entry in some]
        messages = list(Message.objects.filter(seq__in=seqs).select_related("contact"))
        _erase_texts(messages)
        _erase_messages(messages)
        _erase_events(seqs)
        RefusedPost.objects.filter(seq__in=seqs).update(reasons=[])
        ConsentEvent.objects.filter(seq__in=seqs).update(evidence="")


def _erase_messages(messages: Collection[Message]) -> None:
    keys = [message.pk for message in messages]
    Message.objects.filter(pk__in=keys).update(body="", html="", attachments=[], is_disposed=True)
    MessageReport.objects.filter(message__in=keys).update(comment="", decision_reason="")


def _erase_events(seqs: Iterable[int]) -> None:
    """Leave of events what clients need to place them: numbers, and no name or reason."""
    for event in StreamEvent.objects.filter(seq__in=seqs).exclude(data={}):
        if event.kind == "message.removed":
            Message.objects.filter(conversation=event.conversation_id, n=event.data["target"]).update(removal_reason="")
            event.data = {"target": event.data["target"], "reason": ""}
        elif "person" in event.data:
            event.data = {"person": {"id": event.data["person"]["id"], "name": ""}}
        event.save(update_fields=["data"])


def _erase_texts(messages: Collection[Message]) -> None:
    """Empty texts and what carriers sent and said."""
    forget_sent([(message.conversation_id, message.n) for message in messages], at=timezone.now())
    for message in messages:
        if message.contact is not None:
            forget_received(message.contact.number, at=message.at)
