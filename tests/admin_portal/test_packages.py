"""What a package says of its own making, and that nothing but a package is handed out."""

import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from admin_portal.download import download_export, download_token
from admin_portal.exports import approve_export
from admin_portal.making import make_due_exports
from admin_portal.models import ExportRequest
from messenger.people.errors import Conflict
from tests.admin_portal.conftest import Office, record_size
from tests.admin_portal.test_exports import SESSION, ask, ready, system_entries


def test_a_package_made_late_states_the_time_of_its_making(office: Office) -> None:
    export, now = ask(office), timezone.now()
    approve_export(office.cast.cora, export_id=export.pk, at=now - timedelta(days=3))
    make_due_exports()
    assert system_entries("stream.heads")[-1].at >= now - timedelta(seconds=1)
    export.refresh_from_db()
    with zipfile.ZipFile(export.path) as package:
        manifest = json.loads(package.read(f"export-{export.pk}/data/manifest.json"))
    assert manifest["made_at"] >= now.date().isoformat()


def test_a_row_that_names_another_file_hands_nothing_out(office: Office, tmp_path: Path) -> None:
    export, carl = ready(office), office.cast.carl
    secret = tmp_path / "keys" / "log"
    secret.parent.mkdir()
    secret.write_bytes(b"a key")
    ExportRequest.objects.filter(pk=export.pk).update(path=str(secret))
    token, size = download_token(export, session=SESSION), record_size()
    with pytest.raises(Conflict, match="no longer on this server"):
        download_export(carl, export_id=export.pk, session=SESSION, token=token)
    assert record_size() == size
    assert secret.exists()
