"""Pages forged by who holds every key: each row agrees with the leaf, but the leaf or the content is not of the format.

The quick part of the check makes leaves again instead of reading them, so it has to refuse these by itself. Whatever it
takes, the thorough examination must find nothing wrong with; the forgeries are sealed with code that shares none of it.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import connection, transaction

from archive import ledger, sealing
from archive.ledger.check_page import Page, accept_page
from archive.ledger.head import keystore
from archive.models import Entry, RecordKey
from tests.archive.handmade import jcs, leaf_hash
from tests.archive.record_reset import fences_down
from tests.archive.samples import record, record_conversations, said
from tests.archive.tampering import get_bytes, put

pytestmark = pytest.mark.django_db
SIZE = 12
LAST = SIZE - 1

Change = Callable[[bytes], bytes]


@pytest.fixture(autouse=True)
def history() -> None:
    record_conversations(LAST)
    record(said("the last one"))


def as_it_is(data: bytes) -> bytes:
    return data


def subkey(record_key: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info.encode()).derive(record_key)


def values_in(plain: bytes) -> dict[str, bytes]:
    """The members of an object, each as the bytes that stand in it: the last one of a name, as parsers take it."""
    text, found = plain.decode(), {}
    decoder, place = json.JSONDecoder(), text.index("{") + 1
    while match := re.compile(r'[\s,]*("(?:[^"\\]|\\.)*")\s*:\s*').match(text, place):
        _, place = decoder.raw_decode(text, match.end())
        found[json.loads(match[1])] = text[match.end() : place].encode()
    return found


def forge(*, content: Change = as_it_is, leaf: Change = as_it_is) -> None:
    """Seal a changed content in the last entry, commit to it in the leaf, and change the leaf."""
    row, key = Entry.objects.get(seq=LAST), RecordKey.objects.get(seq=LAST)
    place = sealing.Place(settings.ONRECORD_ORIGIN, row.stream_id, row.n, row.bucket)
    record_key = sealing.unwrap_record_key(
        bytes(key.wrapped), bucket_key=keystore().bucket_key(key.bucket), place=place
    )
    sealed, cipher = bytes(row.ciphertext), AESGCM(subkey(record_key, "enc"))
    plain = content(cipher.decrypt(sealed[:12], sealed[12:], place.content_aad()))
    sealed = sealed[:12] + cipher.encrypt(sealed[:12], plain, place.content_aad())
    commitments = {
        name: hmac.digest(subkey(record_key, f"commit:{name}"), value, "sha256").hex()
        for name, value in values_in(plain).items()
    }
    members = json.loads(get_bytes("archive_leaf", "data", seq=LAST))
    data = leaf(jcs({**members, "c": commitments, "ct": hashlib.sha256(sealed).hexdigest()}))
    put("archive_entry", "ciphertext", sealed, seq=LAST)
    put("archive_leaf", "data", data, seq=LAST)
    put("archive_leaf", "hash", leaf_hash(data), seq=LAST)


def verdicts(attack: Callable[[], None]) -> tuple[Page | None, str]:
    """What the quick part gives of the page after an attack, and what the whole check says of the last entry."""
    with transaction.atomic():
        with fences_down(connection):
            attack()
        page = accept_page(range(SIZE), after=None, store=keystore(), origin=settings.ONRECORD_ORIGIN)
        problems = ledger.check().problems
        transaction.set_rollback(True)
    about_trees = ("tile", "root", "stream", "frontier", "checkpoint")
    told = [item.what for item in problems if item.seq == LAST and not any(word in item.what for word in about_trees)]
    return page, " ".join(told)


def replaced(old: bytes, new: bytes) -> Change:
    def change(data: bytes) -> bytes:
        assert old in data, data
        return data.replace(old, new, 1)

    return change


def reordered(data: bytes) -> bytes:
    return json.dumps(dict(reversed(json.loads(data).items())), separators=(",", ":"), ensure_ascii=False).encode()


def test_control_a_forgery_within_the_format_is_taken() -> None:
    """What holds every key can say anything; that it is not what was recorded is for the tree and for others to see."""
    page, told = verdicts(lambda: forge(content=replaced(b'"hits":[]', b'"hits":["a%b",{"deep":[1,-7,true]}]')))
    assert page is not None
    assert told == ""


CONTENTS = {
    "a float": replaced(b'"hits":[]', b'"hits":[1.5]'),
    "a float that is a whole number": replaced(b'"hits":[]', b'"hits":[2.0]'),
    "an exponent": replaced(b'"hits":[]', b'"hits":1e3'),
    "an integer that is too large": replaced(b'"hits":[]', b'"hits":9007199254740992'),
    "an integer beyond all": replaced(b'"hits":[]', b'"hits":18446744073709551616'),
    "minus zero": replaced(b'"hits":[]', b'"hits":-0'),
    "a field twice": replaced(b'"hits":[]', b'"hits":[1],"hits":[]'),
    "a field twice, the same": replaced(b'"hits":[]', b'"hits":[],"hits":[]'),
    "a key twice within": replaced(b'"hits":[]', b'"hits":[{"a":1,"a":2}]'),
    "keys in another order within": replaced(b'"hits":[]', b'"hits":[{"b":1,"a":2}]'),
    "fields in another order": reordered,
    "a space": replaced(b'"hits":[]', b'"hits": []'),
    "a space within": replaced(b'"hits":[]', b'"hits":[ ]'),
    "a space at the end": lambda data: data + b" ",
    "a newline at the end": lambda data: data + b"\n",
    "an escape that need not be": replaced(b'"body":"t', b'"body":"\\u0074'),
    "an escaped slash": replaced(b'"body":"the', b'"body":"th\\/e'),
    "a lone surrogate": replaced(b'"body":"t', b'"body":"\\ud800t'),
    "a field outside ASCII": replaced(b'"hits":[]', '"hitß":[]'.encode()),
    "a key outside ASCII": replaced(b'"hits":[]', '"hits":[{"ä":1}]'.encode()),
    "no number": replaced(b'"hits":[]', b'"hits":NaN'),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_content_outside_canonical_json_is_not_taken(name: str) -> None:
    page, told = verdicts(lambda: forge(content=CONTENTS[name]))
    assert page is None
    assert re.search("cannot be opened|not one of the format", told)


LEAVES = {
    "another version": replaced(b'"v":1', b'"v":2'),
    "no version": replaced(b',"v":1', b""),
    "one more member": replaced(b'"v":1', b'"v":1,"w":1'),
    "a member twice": replaced(b'"v":1', b'"v":1,"v":1'),
    "a number as text": lambda data: re.sub(rb'"n":(\d+)', rb'"n":"\1"', data),
    "a space": replaced(b'"ct":', b'"ct": '),
    "a newline at the end": lambda data: data + b"\n",
    "members in another order": reordered,
    "a commitment in capitals": lambda data: re.sub(rb'"body":"[0-9a-f]*"', lambda m: m[0].upper(), data),
    "an escape that need not be": replaced(b'"kind":"m', b'"kind":"\\u006d'),
    "a time that is cut": replaced(b'00.123Z"', b'00Z"'),
    "a time in small letters": replaced(b'123Z"', b'123z"'),
    "a time of another zone": replaced(b'123Z"', b'123+00:00"'),
}


@pytest.mark.parametrize("name", LEAVES)
def test_a_leaf_outside_the_format_is_not_taken(name: str) -> None:
    page, told = verdicts(lambda: forge(leaf=LEAVES[name]))
    assert page is None
    assert "not one of the format" in told


def test_a_link_that_is_none_leads_nowhere() -> None:
    """The page takes any link as it stands: it is held against the entry before, so it cannot be anything else."""
    page, told = verdicts(lambda: forge(leaf=replaced(b'"prev":""', b'"prev":"","x":""')))
    assert page is not None and (0, '","x":"') in page.parts[-1].before.values()
    assert "not one of the format" in told


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize("at", ["2026-11-21T24:00:00.000Z", "2026-11-31T12:00:00.000Z", "2026-11-21 12:00:00.000Z"])
def test_a_time_that_is_none_is_not_taken_though_the_rows_say_the_same(at: str) -> None:
    """On SQLite, that is: PostgreSQL stores no such time."""

    def attack() -> None:
        forge(leaf=lambda data: re.sub(rb'"at":"[^"]*"', f'"at":"{at}"'.encode(), data))
        for table in ("archive_entry", "archive_document"):
            put(table, "at", f"{at[:10]} {at[11:19]}", seq=LAST)

    page, told = verdicts(attack)
    assert page is None
    assert "not one of the format" in told


def test_a_leaf_over_the_limit_is_not_taken() -> None:
    fields = b",".join(b'"x%03d":1' % number for number in range(900))
    page, told = verdicts(lambda: forge(content=lambda data: data[:-1] + b"," + fields + b"}"))
    assert page is None
    assert "larger than 65535 bytes" in told
