"""What every act has to meet before it begins, under the head's lock: said by the rooms above, who know who acts.

The archive knows neither people nor sessions: whoever does registers a function that raises what the act is then
refused with. It must change nothing, and be quick: others wait.
"""

from collections.abc import Callable

Condition = Callable[[], None]
_registered: dict[str, Condition] = {}


def register_condition(name: str, require: Condition) -> None:
    """Have `require` called under the head's lock before each act, in the context of whoever asked for the act."""
    _registered[name] = require


def require_conditions() -> None:
    """Call everybody who registered. Raises what the act is refused with."""
    for require in _registered.values():
        require()
