"""The files the guards read. Third-party, generated and migration files are not ours to measure."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("archive", "messenger", "admin_portal")
OURS = (*PRODUCT, "tests", "tools", "bench", "deploy", "templates", "static")
SKIPPED_FOLDERS = frozenset({"__pycache__", "vendor", "node_modules", "migrations", "vectors", "ledgers"})


def files(*suffixes: str, under: tuple[str, ...] = OURS) -> Iterator[Path]:
    """Yield our files with one of these suffixes, in order of their path."""
    for folder in under:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and not SKIPPED_FOLDERS & set(path.relative_to(ROOT).parts):
                yield path


def short(path: Path) -> str:
    """Return the path as a person would type it at the top of the checkout."""
    return path.relative_to(ROOT).as_posix()
