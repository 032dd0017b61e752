"""What this process has just said, at hand for its own sockets: rendered once for acknowledgement and event.

For rows as `stream.append_messages` made them, at the moment of their commit. Must not be used for a row that was
loaded: it may have changed since it was first rendered.
"""

from collections.abc import Sequence
from functools import partial

import orjson

from messenger.conversations.frames import created_frame, message_frames
from messenger.conversations.live import encode
from messenger.conversations.models import Message
from messenger.delivery import bus
from messenger.delivery.reading import Fresh

_KEPT = "_rendered"  # in a row that was just made: what it looks like, empty until somebody has asked


def announce_messages(messages: Sequence[Message]) -> None:
    """Tell everybody's readers of new messages at the commit; those of this process are given the messages themselves.

    What is shown of a text to or from a phone is not all in its row: it is read again.
    """
    fresh = [message for message in messages if message.channel == "chat" and message.author_id is not None]
    for message in fresh:
        message.__dict__[_KEPT] = b""
    if fresh:
        bus.announce_fresh([_fresh(message) for message in fresh])
    for conversation_id in {message.conversation_id for message in messages if _KEPT not in message.__dict__}:
        bus.announce(conversation_id)


def rendered(message: Message) -> orjson.Fragment:
    """Return a message as clients see it, encoded; the row comes with `author` and `contact` at hand."""
    kept: bytes | None = message.__dict__.get(_KEPT)
    if kept is None:
        return orjson.Fragment(encode(message_frames([message])[0]))
    if not kept:
        kept = message.__dict__[_KEPT] = encode(message_frames([message])[0])
    return orjson.Fragment(kept)


def _fresh(message: Message) -> Fresh:
    return Fresh(message.conversation_id, message.n, message.at, encode=partial(_event, message))


def _event(message: Message) -> bytes:
    return encode(created_frame(message.conversation_id, message.n, at=message.at, message=rendered(message)))
