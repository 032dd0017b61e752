"""Static files as browsers get them: hashed names, compressed, imports between modules rewritten to the hashed names.

The names are made by `collectstatic`, which `manage.py serve` runs before it listens.
"""

from django.conf import settings
from django.core.management import call_command
from whitenoise.storage import CompressedManifestStaticFilesStorage

from messenger.web.build import BUILD_ID

NOT_SERVED = ("rest_framework*",)


class ModuleStorage(CompressedManifestStaticFilesStorage):
    """Whitenoise's storage, which also follows `import … from "./x.js"` in our ES modules."""

    support_js_module_import_aggregation = True


def collect_static_files() -> None:
    """Collect, hash and compress the static files, unless this build has done so already: the next start is quick."""
    note = settings.STATIC_ROOT / ".build"
    if note.exists() and note.read_text(encoding="utf-8") == BUILD_ID:
        return
    # Never served: the pages of DRF that are switched off.
    call_command("collectstatic", verbosity=0, interactive=False, clear=True, ignore_patterns=list(NOT_SERVED))
    note.write_text(BUILD_ID, encoding="utf-8")
