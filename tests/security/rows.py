"""A row of the matrix: one method of one route on one object, and what each role is answered.

A row names the roles to whom the answer is yes, by status, and those who are told no in a way of their own. Everybody
else gets the usual no: 401 at the API and the way to the sign-in from a page for whoever is not known, and for whoever
is known the same 404 as for an object that does not exist.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.security.roles import PAGELESS
from tests.security.world import World

# A body, or what makes one from the world for a role that asks.
Body = Mapping[str, Any] | Callable[[World, str], Mapping[str, Any]]
Query = Callable[[World, str], str]

_UNKNOWN_AT_API: Final = frozenset({"anonymous", "deactivated", "ended", "revoked"})


@dataclass(frozen=True)
class Row:
    """`args` names the objects in the address; `absent_body` is the body that asks for what does not exist.

    `shows` names planted words that anybody may see here, and is explained where it is used.
    """

    method: str
    route: str
    args: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    absent_body: Body | None = None
    query: Query | None = None
    yes: Mapping[int, str] = field(default_factory=dict)
    no: Mapping[int, str] = field(default_factory=dict)
    # Who may not ask about anybody else here is told so before it is looked whether that other exists.
    absent_no: Mapping[int, str] = field(default_factory=dict)
    shows: tuple[str, ...] = ()
    pattern: str = ""  # the address, when the route says more than which objects

    @property
    def is_api(self) -> bool:
        return self.route.startswith("api/") and self.route != "api/v1/docs/"

    @property
    def name(self) -> str:
        return f"{self.method} {self.route} {' '.join(self.args.values())}".strip()

    def yes_for(self, role: str) -> int | None:
        return None if self._is_turned_away(role) else _status_of(role, self.yes)

    def no_for(self, role: str) -> int | None:
        return None if self._is_turned_away(role) else _status_of(role, self.no)

    def absent_no_for(self, role: str) -> int | None:
        return _status_of(role, self.absent_no)

    def _is_turned_away(self, role: str) -> bool:
        """A session that ended elsewhere is noticed before any page, also one that is there for everybody."""
        return role == "ended" and not self.is_api

    def usual_no_for(self, role: str) -> int:
        if self.is_api:
            return 401 if role in _UNKNOWN_AT_API else 404
        return 302 if role in PAGELESS else 404

    def path(self, world: World, *, absent: str = "") -> str:
        """Return the address, with one of its objects replaced by what does not exist."""
        path = "/" + (self.pattern or self.route)
        for parameter, name in self.args.items():
            value = world.number("absent" if parameter == absent else name)
            path = path.replace(f"<int:{parameter}>", str(value)).replace(f"<str:{parameter}>", str(value))
        return path

    def body_for(self, world: World, role: str, *, is_absent: bool = False) -> Mapping[str, Any] | None:
        body = self.absent_body if is_absent else self.body
        return body(world, role) if callable(body) else body

    def query_for(self, world: World, role: str) -> str:
        return self.query(world, role) if self.query else ""


def row(address: str, **fields: Any) -> Row:
    """Return a row for "GET api/v1/me"; the fields are those of Row."""
    method, _, route = address.partition(" ")
    return Row(method=method, route=route, **fields)


def on_each(address: str, parameter: str, names: Iterable[str], **fields: Any) -> list[Row]:
    """Return one row for each object; what roles are answered is then given by object: {"talk": {200: "member"}}."""
    args = fields.pop("args", {})
    by_name = {key: fields.pop(key) for key in ("yes", "no", "absent_no") if key in fields}
    return [
        row(address, args={parameter: name} | args, **{key: by.get(name, {}) for key, by in by_name.items()}, **fields)
        for name in names
    ]


def _status_of(role: str, by_status: Mapping[int, str]) -> int | None:
    return next((status for status, roles in by_status.items() if role in roles.split()), None)
