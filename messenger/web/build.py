"""Which build this is, so that a page can tell that the server behind it has changed."""

import hashlib
from pathlib import Path

from django.conf import settings


def _build_id() -> str:
    """Return a digest over what browsers are served; the same on every node with the same files."""
    digest = hashlib.sha256()
    for folder in ("static", "templates"):
        for path in sorted(Path(settings.BASE_DIR, folder).rglob("*.*")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


BUILD_ID = _build_id()
