"""An empty store: the first-run page, behind its one-time token, founds a firm that people can sign in to."""

import re

from playwright.sync_api import Browser, expect

from tests.browser.conftest import DESKTOP, WATCH, keep_picture
from tests.stack import PASSWORD, Stack, new_stack


def test_the_first_run_page_founds_a_firm_once(browser: Browser) -> None:
    stack = new_stack()
    stack.start()
    try:
        _found(stack, browser)
    finally:
        stack.stop()
    assert "sound" in stack.manage("record", "check").stdout


def _found(stack: Stack, browser: Browser) -> None:
    page = browser.new_context(base_url=stack.url, viewport=DESKTOP).new_page()
    page.add_init_script(WATCH)
    page.goto("/")
    expect(page).to_have_url(re.compile("/welcome/$"))
    wrong = page.goto("/welcome/not-the-token/")
    assert wrong is not None and wrong.status == 404
    printed = re.search(r"/welcome/([\w-]+)/", stack.log())
    assert printed is not None, stack.log()
    page.goto(f"/welcome/{printed[1]}/")
    keep_picture(page, "first-run")
    page.locator("[name=name]").fill("Kestrel & Co")
    for role, name in (("admin", "Ada Admin"), ("officer", "Olu Officer")):
        page.locator(f"[name={role}_name]").fill(name)
        page.locator(f"[name={role}_email]").fill(f"{role}@kestrel.example")
        page.locator(f"[name={role}_password]").fill(PASSWORD)
    page.locator("form button[type=submit]").last.click()
    expect(page).to_have_url(re.compile("/accounts/login/"))
    again = page.goto(f"/welcome/{printed[1]}/")
    assert again is not None and again.status == 404
    page.goto("/accounts/login/")
    page.locator("[name=login]").fill("admin@kestrel.example")
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".brand")).to_contain_text("Kestrel & Co")
    assert page.evaluate("() => window.cspReports") == []
