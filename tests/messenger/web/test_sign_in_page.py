"""The sign-in page by keyboard: the cursor is where one types, and Tab goes from field to field."""

from html.parser import HTMLParser

import pytest
from django.test import Client

from tests.cast import Cast

pytestmark = pytest.mark.django_db


class Stops(HTMLParser):
    """Where Tab stops inside `main`, in the order of the document, and what has the cursor at first."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.focused: list[str] = []
        self.is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.is_inside = self.is_inside or tag == "main"
        if not self.is_inside or values.get("type") == "hidden" or tag not in ("a", "input", "button"):
            return
        self.found.append(values.get("name") or values.get("href") or tag)
        if "autofocus" in values:
            self.focused.append(self.found[-1])

    def handle_endtag(self, tag: str) -> None:
        self.is_inside = self.is_inside and tag != "main"


def test_tab_goes_from_the_address_to_the_password_and_only_then_to_the_link(cast: Cast) -> None:
    stops = Stops()
    stops.feed(Client().get("/accounts/login/").content.decode())
    assert stops.found == ["login", "password", "/accounts/password/reset/", "button"]
    assert stops.focused == ["login"]
