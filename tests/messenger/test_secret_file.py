"""A secret is made once, whole, and for its owner only."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from messenger.secret_file import keep_secret


def test_everybody_who_starts_at_once_gets_the_same_secret(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secret"
    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda number: keep_secret(path, fresh=f"secret {number}"), range(64)))
    assert len(set(got)) == 1 and got[0].startswith("secret ")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret"]


def test_a_secret_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old\n", encoding="utf-8")
    assert keep_secret(path, fresh="new") == "old"
