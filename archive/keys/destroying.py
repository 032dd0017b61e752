"""Destruction of wrapping keys: what is under them can never be opened again, by us or by anybody.

Danger: nothing brings a destroyed key back. The caller holds the head's lock and has made sure that the disposal is
committed and that nothing is left under the key. The name goes on the list of destroyed ones first: so no process uses
or makes a key of that name again, also when we stop before the file is gone; then this is simply called again.
"""

from collections.abc import Collection
from pathlib import Path

from archive.keys.files import destroy_key_file, drafts_of, replace_key_file
from archive.keys.rewrapping import clear_up
from archive.keys.store import DESTROYED, bucket_path, destroyed_names


def destroy_wrapping_keys(folder: Path, names: Collection[str]) -> None:
    """Destroy the keys of these names: list them, then overwrite and remove their files. May be repeated."""
    if not names:
        return
    paths = [bucket_path(folder, name) for name in names]
    clear_up(folder)  # an interrupted rotation may hold a second copy of each key
    _list_destroyed(folder, names)
    for path in paths:
        for draft in drafts_of(path):  # left by a stop while the key was made
            destroy_key_file(draft)
        destroy_key_file(path)


def existing_keys(folder: Path, names: Collection[str]) -> list[str]:
    """Return those of the names whose key file is there."""
    present = {path.name for path in (folder / "buckets").glob("*")}
    staged = {path.name for path in (folder / "staged" / "buckets").glob("*")}
    return sorted(name for name in names if name.replace("/", "_") in present | staged)


def _list_destroyed(folder: Path, names: Collection[str]) -> None:
    known = destroyed_names(folder)
    new = sorted(set(names) - known)
    if new:
        replace_key_file(folder / DESTROYED, "".join(f"{name}\n" for name in sorted({*known, *new})).encode("ascii"))
