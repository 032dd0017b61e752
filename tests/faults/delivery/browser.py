"""A signed-in browser for the fault suites: the sign-in page, cookies, the page's CSRF token. No JavaScript."""

import re

import httpx

from tests.faults.delivery.office_program import PASSWORD


def sign_in(url: str, name: str, *, password: str = PASSWORD) -> httpx.Client:
    """Return the browser of somebody of the office."""
    browser = httpx.Client(base_url=url, follow_redirects=False, timeout=30)
    form = {"csrfmiddlewaretoken": _token(browser.get("/accounts/login/").text), "login": f"{name}@firm.example"}
    answer = browser.post("/accounts/login/", data=form | {"password": password})
    assert answer.status_code == 302, f"{name} was not signed in: {answer.status_code}"
    meta = re.search(r'name="csrf-token" content="([^"]+)"', browser.get("/settings/").text)
    assert meta is not None
    browser.headers["X-CSRFToken"] = meta[1]
    return browser


def submit(browser: httpx.Client, address: str, **fields: str) -> httpx.Response:
    """Send a form as the page would; what is refused shows as another answer than a redirect."""
    answer = browser.post(address, data={"csrfmiddlewaretoken": browser.headers["X-CSRFToken"], **fields})
    assert answer.status_code == 302, f"{address}: {answer.status_code} {answer.text[:300]}"
    return answer


def cookies_of(browser: httpx.Client) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)}


def _token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found is not None, page[:300]
    return found[1]
