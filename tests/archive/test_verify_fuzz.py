"""Mutated packages: whatever is done to one, the verifier ends in words and a status, and refuses changed content."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from archive import verify
from tests.archive.handmade import Package, jcs

RECORD_FILES = ["data/checkpoint", "data/entries.jsonl", "data/heads.json"]
LISTED_FILES = [*RECORD_FILES, "data/manifest.json", "README.txt", "bag-info.txt", "bagit.txt", "manifest-sha256.txt"]
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


class Sound:
    """A sound package, and the bytes of its files to begin each example from."""

    def __init__(self, package: Package) -> None:
        files = [item for item in package.folder.rglob("*") if item.is_file()]
        self.package = package
        self.files = {item.relative_to(package.folder).as_posix(): item.read_bytes() for item in files}

    def restored(self) -> Package:
        shutil.rmtree(self.package.folder)
        (self.package.folder / "data").mkdir(parents=True)
        for name, data in self.files.items():
            self.package.write(name, data)
        return self.package


@pytest.fixture
def sound(tmp_path: Path) -> Sound:
    return Sound(Package(tmp_path / "export-1"))


def check(package: Package) -> int:
    return verify.main([str(package.folder), "--key", package.signer.verifier_key])


def cover_traces(package: Package) -> None:
    """Make the manifest's digests and the bag fit the mutated files, leaving only checks 2 to 6 to notice."""
    manifest = json.loads(package.read("data/manifest.json"))
    manifest["files"] = {name: package.describe(name) for name in RECORD_FILES}
    package.write("data/manifest.json", jcs(manifest))
    package.remake_bag()


@st.composite
def mutated_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes with a piece replaced, dropped, doubled or cut off."""
    start = draw(st.integers(0, len(data) - 1))
    end = draw(st.integers(start, min(len(data), start + 40)))
    piece = draw(
        st.sampled_from([b"", b"\0", b"\n", b'"', b"{", b"[" * 5000, b"9" * 5000, b"\xff", data[start:end] * 2])
    )
    return draw(st.sampled_from([data[:start] + piece + data[end:], data[:start]]))


@FUZZ
@given(data=st.data())
def test_any_changed_byte_is_refused_without_a_traceback(sound: Sound, data: st.DataObject) -> None:
    package = sound.restored()
    name = data.draw(st.sampled_from(LISTED_FILES))
    changed = data.draw(mutated_bytes(sound.files[name]))
    assume(changed != sound.files[name])
    package.write(name, changed)
    assert check(package) == 1


@FUZZ
@given(data=st.data())
def test_changed_bytes_of_the_record_are_refused_even_when_the_traces_are_covered(
    sound: Sound, data: st.DataObject
) -> None:
    package = sound.restored()
    name = data.draw(st.sampled_from(RECORD_FILES))
    changed = data.draw(mutated_bytes(sound.files[name]))
    assume(meaning(name, changed) != meaning(name, sound.files[name]))
    package.write(name, changed)
    cover_traces(package)
    assert check(package) == 1


def meaning(name: str, data: bytes) -> object:
    """What the bytes say: two spellings of the same JSON say the same."""
    texts = {"data/checkpoint": [], "data/heads.json": [data]}.get(name, data.splitlines())
    try:
        return [json.loads(text) for text in texts] or data
    except (ValueError, RecursionError):
        return data


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from places(item, (*path, key))


def replaced(value: object, path: tuple[str | int, ...], new: object) -> object:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)  # type: ignore[call-overload]  # made by places()
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


@FUZZ
@given(data=st.data())
def test_any_other_value_in_an_entry_or_the_heads_is_refused(sound: Sound, data: st.DataObject) -> None:
    package = sound.restored()
    name = data.draw(st.sampled_from(["data/entries.jsonl", "data/heads.json"]))
    lines = sound.files[name].splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    old = json.loads(lines[number])
    new = replaced(old, data.draw(st.sampled_from(list(places(old)))), data.draw(JSON_VALUES))
    assume(json.dumps(new) != json.dumps(old))  # as text: to Python True is 1
    lines[number] = json.dumps(new).encode()
    package.write(name, b"".join(line + b"\n" for line in lines))
    cover_traces(package)
    assert check(package) == 1


@FUZZ
@given(data=st.data())
def test_any_other_sequence_of_the_lines_is_refused(sound: Sound, data: st.DataObject) -> None:
    package = sound.restored()
    lines = sound.files["data/entries.jsonl"].splitlines()
    chosen = data.draw(st.lists(st.sampled_from(lines), max_size=16) | st.permutations(lines))
    assume(chosen != lines)
    package.write_lines(chosen)
    package.write_manifest()
    package.remake_bag()
    assert check(package) == 1


@FUZZ
@given(data=st.data())
def test_a_manifest_of_any_shape_ends_in_words(sound: Sound, data: st.DataObject) -> None:
    package = sound.restored()
    old = json.loads(sound.files["data/manifest.json"])
    new = replaced(old, data.draw(st.sampled_from(list(places(old)))), data.draw(JSON_VALUES))
    assume(json.dumps(new) != json.dumps(old))
    package.write("data/manifest.json", json.dumps(new).encode())
    package.remake_bag()
    assert check(package) in (0, 1)


def test_the_control_a_restored_package_is_verified(sound: Sound) -> None:
    sound.package.write("data/entries.jsonl", b"")
    assert check(sound.package) == 1
    cover_traces(sound.restored())
    assert check(sound.package) == 0
