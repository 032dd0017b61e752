"""Every page, light and dark, at desktop and phone size: no accessibility violation, no CSP report, nothing foreign."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import DESKTOP, PHONE, SignIn, keep_picture
from tests.stack import Stack

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
PAGES: dict[str, tuple[str, ...]] = {
    "": ("/accounts/login/", "/accounts/password/reset/", "/phone/"),
    "alice": (
        "/",
        "/c/1/",
        "/c/2/",
        "/c/3/",
        "/c/5/",
        "/new/",
        "/contacts/",
        "/contacts/1/",
        "/settings/",
        "/accounts/password/change/",
        "/c/2/messages/2/report/",
        "/c/987654/",
        "/api/v1/docs/",
    ),
    "adam": ("/people/", "/people/4/", "/portal/", "/portal/parked/"),
    "mona": ("/portal/", "/portal/review/"),
    "cora": (
        "/portal/",
        "/portal/purpose/",
        "/portal/exports/",
        "/portal/exports/1/",
        "/portal/exports/new/",
        "/portal/record/",
    ),
}


@pytest.mark.backend("sqlite")  # what a page looks like does not depend on the database
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_page_is_accessible_in_light_and_dark_and_at_every_size(sign_in: SignIn, name: str, size: str) -> None:
    page = sign_in(name, size=PHONE if size == "phone" else DESKTOP)
    found: dict[str, list[str]] = {}
    for address in PAGES[name]:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        for scheme in SCHEMES:
            _show(page, scheme)
            keep_picture(page, f"{name or 'nobody'}{address.replace('/', '-')}{size}-{scheme}")
            problems = [*_overflow(page), *_violations(page)]
            if problems:
                found[f"{address} {scheme}"] = problems
    assert found == {}


@pytest.mark.backend("sqlite")  # as above
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_list_of_segments_is_accessible_at_every_size(
    sign_in: SignIn, stack: Stack, tmp_path: Path, size: str
) -> None:
    store = tmp_path / f"a-folder-with-quite-a-long-name-without-any-space-in-it-{size}"
    store.mkdir()
    with_store = replace(stack, environment={**stack.environment, "ONRECORD_SEGMENT_STORE": f"file://{store}"})
    with_store.manage("record", "segments", "seal")
    page = sign_in("cora", size=PHONE if size == "phone" else DESKTOP)
    page.goto("/portal/record/")
    card = page.get_by_role("region", name="Segments", exact=True)
    assert "Entries 0 to" in card.inner_text()
    card.scroll_into_view_if_needed()
    keep_picture(page, f"segments-{size}")
    assert [*_overflow(page), *_violations(page)] == []


def _show(page: Page, scheme: Scheme) -> None:
    """Have the page in this scheme, as a reader whose system changes it in the evening; nothing moves meanwhile."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("(dark) => matchMedia(dark).matches", f"(prefers-color-scheme: {scheme})")


def _violations(page: Page) -> list[str]:
    response: dict[str, Any] = Axe().run(page, options=RULES).response
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary'][:160]}"
        for violation in response["violations"]
        for node in violation["nodes"][:3]
    ]


def _overflow(page: Page) -> list[str]:
    """A page must not scroll sideways."""
    wide = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    return [f"{wide} px wider than the window"] if wide > 1 else []
