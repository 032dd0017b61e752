"""Checkpoints: the note that was signed verifies, any other does not."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from archive import checkpoint
from archive.checkpoint import BadCheckpoint, Statement

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
STATEMENT = Statement(origin="record.example/firm", size=42, root=bytes(range(32)))
VERIFIER_KEY = checkpoint.verifier_key(STATEMENT.origin, public=checkpoint.public_bytes(KEY))
NOTE = checkpoint.sign(STATEMENT, key=KEY)


def test_a_signed_note_gives_its_statement_back() -> None:
    assert checkpoint.parse(NOTE) == STATEMENT
    assert checkpoint.verify(NOTE, verifier_key=VERIFIER_KEY) == STATEMENT


@given(st.data())
def test_no_note_with_a_changed_character_verifies(data: st.DataObject) -> None:
    place = data.draw(st.integers(min_value=0, max_value=len(NOTE) - 1))
    char = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda c: c != NOTE[place]))
    with pytest.raises(BadCheckpoint):
        checkpoint.verify(NOTE[:place] + char + NOTE[place + 1 :], verifier_key=VERIFIER_KEY)


def test_a_second_base64_spelling_of_the_same_signature_is_refused() -> None:
    encoded = NOTE.split(" ")[-1].strip()
    other = encoded[:-2] + chr(ord(encoded[-2]) + 1) + "="
    assert base64.b64decode(other) == base64.b64decode(encoded)
    with pytest.raises(BadCheckpoint, match="one form"):
        checkpoint.verify(NOTE.replace(encoded, other), verifier_key=VERIFIER_KEY)


@given(st.text(max_size=300))
def test_arbitrary_text_is_no_checkpoint_and_no_key(text: str) -> None:
    with pytest.raises(BadCheckpoint):
        checkpoint.parse(text)
    with pytest.raises(BadCheckpoint):
        checkpoint.parse_verifier_key(text)


def test_another_key_of_the_same_name_is_refused() -> None:
    other = checkpoint.verifier_key(STATEMENT.origin, public=checkpoint.public_bytes(OTHER_KEY))
    with pytest.raises(BadCheckpoint, match="not signed by this key"):
        checkpoint.verify(NOTE, verifier_key=other)


def test_the_key_of_another_origin_is_refused() -> None:
    other = checkpoint.verifier_key("record.example/other", public=checkpoint.public_bytes(KEY))
    with pytest.raises(BadCheckpoint, match=r"record\.example/other"):
        checkpoint.verify(NOTE, verifier_key=other)


def test_a_signature_over_another_text_under_our_key_id_is_refused() -> None:
    foreign = checkpoint.sign(Statement(origin=STATEMENT.origin, size=43, root=STATEMENT.root), key=KEY)
    mixed = NOTE.partition("\n\n")[0] + "\n\n" + foreign.partition("\n\n")[2]
    with pytest.raises(BadCheckpoint, match="does not fit"):
        checkpoint.verify(mixed, verifier_key=VERIFIER_KEY)


def test_a_cosignature_beside_ours_is_left_alone() -> None:
    cosignature = base64.b64encode(b"\x01\x02\x03\x04" + bytes(72)).decode()
    assert checkpoint.verify(f"{NOTE}— witness.example {cosignature}\n", verifier_key=VERIFIER_KEY) == STATEMENT


@pytest.mark.parametrize(
    "text",
    [
        "record.example/firm\n042\n" + base64.b64encode(bytes(32)).decode(),
        "record.example/firm\n-1\n" + base64.b64encode(bytes(32)).decode(),
        "record.example/firm\n42\n" + base64.b64encode(bytes(31)).decode(),
        "record.example/firm\n42\n" + base64.b64encode(bytes(32)).decode() + "\nextension",
        "record example\n42\n" + base64.b64encode(bytes(32)).decode(),
    ],
)
def test_a_statement_out_of_form_is_refused(text: str) -> None:
    with pytest.raises(BadCheckpoint):
        checkpoint.parse(text + "\n\n— x AAAA\n")


def test_an_origin_with_spaces_cannot_be_signed() -> None:
    with pytest.raises(BadCheckpoint, match="one word"):
        checkpoint.sign(Statement(origin="our record", size=0, root=bytes(32)), key=KEY)


def test_a_verifier_key_whose_id_does_not_fit_is_refused() -> None:
    name, identity, key = VERIFIER_KEY.split("+", 2)
    with pytest.raises(BadCheckpoint, match="id does not fit"):
        checkpoint.parse_verifier_key(f"{name}+{identity[::-1]}+{key}")
