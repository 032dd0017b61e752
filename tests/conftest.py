"""What every test shares: the environment, the selection for the backend, an emptied database, the cast, the invariants.

The plugins are imported in this order; `tests.environment` must come first, because it sets Django up.
"""

pytest_plugins = (
    "tests.environment",
    "tests.selection",
    "tests.database",
    "tests.cast",
    "tests.invariants",
)
