"""What can be recorded: one frozen dataclass for each kind of entry, plain values only, no Django.

An event holds snapshots (names as they were, ids as text), never references that could change under it.
Every field but `stream` and `at` is content: it is sealed in the entry's ciphertext and committed to one by one.
"""

from archive.canonical import Json
from archive.events.attachments import MOST as MOST_ATTACHMENTS
from archive.events.attachments import Attachment, BadAttachment, attachments_of
from archive.events.base import SYSTEM, Actor, Event, words_of
from archive.events.catalog import CatalogAccepted, CatalogFingerprint
from archive.events.contacts import ConsentGranted, ConsentRevoked, ContactAdded, SmsReceived, SmsStatusChanged
from archive.events.conversations import (
    ConversationCreated,
    MemberAdded,
    MemberRemoved,
    MessageCreated,
    MessageRefused,
    MessageRemoved,
    ReceiptMarked,
)
from archive.events.evidence import CheckpointMailed, CheckpointStamped, CheckpointWitnessed, SegmentSealed
from archive.events.ledger import (
    AlarmAcknowledged,
    ConfigurationChanged,
    KeyRotated,
    LogBreak,
    RecordChecked,
    RecordRefilled,
    StreamHeads,
)
from archive.events.looks import (
    AttachmentOpened,
    EntryOpened,
    ExportApproved,
    ExportDownloaded,
    ExportFailed,
    ExportMade,
    ExportRefused,
    ExportRequested,
    RecordSearched,
)
from archive.events.people import (
    FirmFounded,
    PasswordChanged,
    PersonDeactivated,
    PersonInvited,
    PersonJoined,
    PersonReactivated,
    RoleGranted,
    RoleRefused,
    RoleRequested,
    RoleRevoked,
    SessionEnded,
    SignedIn,
    SignInRefused,
    TokenCreated,
    TokenRevoked,
)
from archive.events.policy import MessageReported, ReportDecided, RuleChanged
from archive.events.retention import (
    DISPOSALS_STREAM,
    HOLDS_STREAM,
    Disposal,
    HoldPlaced,
    HoldReleased,
    KeyDestroyed,
)
from archive.events.work import WorkRetried, WorkSetAside

__all__ = [
    "DISPOSALS_STREAM",
    "HOLDS_STREAM",
    "MOST_ATTACHMENTS",
    "SYSTEM",
    "Actor",
    "AlarmAcknowledged",
    "Attachment",
    "AttachmentOpened",
    "BadAttachment",
    "CatalogAccepted",
    "CatalogFingerprint",
    "CheckpointMailed",
    "CheckpointStamped",
    "CheckpointWitnessed",
    "ConfigurationChanged",
    "ConsentGranted",
    "ConsentRevoked",
    "ContactAdded",
    "ConversationCreated",
    "Disposal",
    "EntryOpened",
    "Event",
    "ExportApproved",
    "ExportDownloaded",
    "ExportFailed",
    "ExportMade",
    "ExportRefused",
    "ExportRequested",
    "FirmFounded",
    "HoldPlaced",
    "HoldReleased",
    "Json",
    "KeyDestroyed",
    "KeyRotated",
    "LogBreak",
    "MemberAdded",
    "MemberRemoved",
    "MessageCreated",
    "MessageRefused",
    "MessageRemoved",
    "MessageReported",
    "PasswordChanged",
    "PersonDeactivated",
    "PersonInvited",
    "PersonJoined",
    "PersonReactivated",
    "ReceiptMarked",
    "RecordChecked",
    "RecordRefilled",
    "RecordSearched",
    "ReportDecided",
    "RoleGranted",
    "RoleRefused",
    "RoleRequested",
    "RoleRevoked",
    "RuleChanged",
    "SegmentSealed",
    "SessionEnded",
    "SignInRefused",
    "SignedIn",
    "SmsReceived",
    "SmsStatusChanged",
    "StreamHeads",
    "TokenCreated",
    "TokenRevoked",
    "WorkRetried",
    "WorkSetAside",
    "attachments_of",
    "words_of",
]
