"""House rule 4: no folder or file whose name says nothing about what is in it."""

from pathlib import PurePath

from tests.guards.source import PRODUCT, files, short

BANNED = frozenset(
    {"common", "helper", "helpers", "manager", "managers", "misc", "service", "services", "util", "utils"}
)


def empty_names(path: str) -> list[str]:
    """Return the parts of a path that say nothing."""
    parts = PurePath(path).with_suffix("").parts
    return [part for part in parts if part in BANNED]


def test_every_folder_and_file_has_a_name_that_says_what_is_in_it() -> None:
    ours = files(".py", ".js", ".html", ".css", under=(*PRODUCT, "static", "templates"))
    found = {short(path): empty_names(short(path)) for path in ours}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_guard_knows_an_empty_name() -> None:
    assert empty_names("messenger/web/utils.py") == ["utils"]
    assert empty_names("messenger/services/send.py") == ["services"]
    assert empty_names("messenger/web/pages.py") == []
