"""Static files as browsers get them: hashed names, compressed, imports between modules rewritten to the hashed names.

The names are made by `collectstatic`, which `manage.py serve` runs before it listens.
"""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise ships no types
    """Whitenoise's storage, which also follows `import … from "./x.js"` in our ES modules."""

    support_js_module_import_aggregation = True
