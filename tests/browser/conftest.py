"""A real Chromium, and for every page a watch over what it must never do: ask another origin, break the CSP, fail."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.stack import OFFICE, PASSWORD, Stack

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
PICTURES = Path(os.environ.get("ONRECORD_PICTURES", "test-output"))
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
WATCH = """
window.cspReports = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.cspReports.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""


@dataclass
class Watch:
    """What the pages of one test did wrong."""

    origin: str
    foreign: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        page.on("request", self._note_request)
        page.on("pageerror", lambda error: self.failures.append(str(error)))
        page.on("console", self._note_console)

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((self.origin, self.origin.replace("http", "ws"), "data:", "blob:")):
            self.foreign.append(request.url)

    def _note_console(self, message: ConsoleMessage) -> None:
        # A refused call (403, 404, 422) is a line in the console as well, and part of what is tested.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.failures.append(message.text)


# For this package only: Playwright keeps an event loop running in the thread, and other tests start their own.
@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def watch(stack: Stack) -> Iterator[Watch]:
    """Watch every page of the test; at its end nothing may have been noted."""
    watch = Watch(origin=stack.url)
    yield watch
    assert watch.foreign == [], "requests to another origin"
    assert watch.failures == [], "errors in the console (a violation of the CSP is one)"


SignIn = Callable[..., Page]


@pytest.fixture
def sign_in(stack: Stack, browser: Browser, watch: Watch) -> Iterator[SignIn]:
    """Return a function that opens a browser of its own for somebody of the demo office and signs them in."""
    contexts: list[BrowserContext] = []

    def open_page(name: str = "", *, size: dict[str, int] = DESKTOP, dark: bool = False) -> Page:
        context = browser.new_context(
            base_url=stack.url,
            viewport={"width": size["width"], "height": size["height"]},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        context.add_init_script(WATCH)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        watch.over(page)
        if name:
            page.goto("/accounts/login/")
            page.fill("input[name=login]", f"{name}@{OFFICE}")
            page.fill("input[name=password]", PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_url(lambda url: "/accounts/" not in url)
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            reports = page.evaluate("() => window.cspReports || []")
            watch.failures.extend(reports)
        context.close()


def keep_picture(page: Page, name: str) -> None:
    """Write a picture of the page for people to look at."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
