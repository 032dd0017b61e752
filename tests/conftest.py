"""What every test shares: environment, selection for the backend, emptied database, cast and invariants.

The plugins are imported in this order; `tests.environment` must come first, because it sets Django up.
"""

pytest_plugins = (
    "tests.environment",
    "tests.selection",
    "tests.database",
    "tests.cast",
    "tests.invariants",
    "tests.running",
)
