"""Files in the chat by hand, in a real Chromium: chosen, dropped, pasted, refused, sent later, fetched."""

import io
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, SignIn, keep_picture
from tests.browser.test_every_page import RULES
from tests.browser.test_main_flow import open_direct

pytestmark = pytest.mark.backend("sqlite")  # what a page does does not depend on the database
PDF = b"%PDF-1.7\n" + bytes(300_000)


def picture(width: int = 640, height: int = 400) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, "PNG")
    return file.getvalue()


FILES = [
    {"name": "Quarterly terms.pdf", "mimeType": "application/pdf", "buffer": PDF},
    {"name": "chart.png", "mimeType": "image/png", "buffer": picture()},
]


def attach(page: Page, *files: object) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach files").click()
    chooser.value.set_files(list(files))  # type: ignore[arg-type]


def chips(page: Page) -> list[str]:
    return page.locator(".composer-file-name").all_inner_texts()


@pytest.fixture
def pair(sign_in: SignIn) -> tuple[Page, Page]:
    alice, bob = sign_in("alice"), sign_in("bob")
    open_direct(alice, "Bob Okafor")
    open_direct(bob, "Alice Moreau")
    return alice, bob


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]]


def test_files_are_chosen_sent_seen_and_fetched(pair: tuple[Page, Page], tmp_path: Path) -> None:
    alice, bob = pair
    attach(alice, *FILES)
    expect(alice.locator(".composer-file")).to_have_count(2)
    expect(alice.locator(".composer-file progress")).to_have_count(0)
    keep_picture(alice, "files-composer-desktop-light")
    assert violations(alice) == []
    alice.get_by_label(re.compile("^Message to")).press("Enter")
    expect(alice.locator(".composer-file")).to_have_count(0)
    link = bob.get_by_role("link", name=re.compile("Quarterly terms.pdf")).last
    expect(link).to_be_visible()
    image = bob.locator(".file-image img").last
    expect(image).to_be_visible()
    bob.wait_for_function("() => [...document.querySelectorAll('.file-image img')].at(-1).naturalWidth === 640")
    with bob.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "Quarterly terms.pdf"
    assert Path(download.value.path()).read_bytes() == PDF
    assert "Quarterly terms.pdf" in bob.locator("#spoken").inner_text()
    bob.reload()
    expect(bob.locator(".file-image img").last).to_be_visible()
    keep_picture(bob, "files-received-desktop-light")
    assert violations(bob) == []


def test_an_image_keeps_its_place_before_it_is_there(pair: tuple[Page, Page]) -> None:
    alice, bob = pair
    bob.route("**/attachments/*", lambda route: None)  # never answered
    attach(alice, {"name": "tall.png", "mimeType": "image/png", "buffer": picture(200, 150)})
    alice.get_by_label(re.compile("^Message to")).press("Enter")
    image = bob.locator(".file-image img").last
    expect(image).to_have_attribute("height", "150")
    box = image.bounding_box()
    assert box is not None and abs(box["height"] - 150) <= 2 and abs(box["width"] - 200) <= 2


def test_what_is_refused_is_told_by_name_and_holds_the_message_until_it_is_removed(pair: tuple[Page, Page]) -> None:
    alice, bob = pair
    program = {"name": "setup.pdf", "mimeType": "application/pdf", "buffer": b"MZ" + bytes(400)}
    attach(alice, program, FILES[0])
    expect(alice.locator(".composer-file-refused")).to_contain_text("setup.pdf")
    expect(alice.locator(".composer-file-refused")).to_contain_text("kind that the firm does not take")
    keep_picture(alice, "files-refused-desktop-light")
    assert violations(alice) == []
    field = alice.get_by_label(re.compile("^Message to"))
    field.fill("with the terms, refused once")
    field.press("Enter")
    expect(alice.get_by_text("Remove “setup.pdf” first")).to_be_visible()
    alice.get_by_role("button", name="Remove setup.pdf").press("Enter")
    assert chips(alice) == ["Quarterly terms.pdf"]
    field.press("Enter")
    expect(bob.locator(".message-body", has_text="refused once")).to_be_visible()


def test_files_are_dropped_and_pasted(pair: tuple[Page, Page]) -> None:
    alice, _ = pair
    script = """(name) => {
        const data = new DataTransfer();
        data.items.add(new File(["some words"], `${name}.txt`, { type: "text/plain" }));
        const options = { bubbles: true, cancelable: true };
        const drop = new DragEvent("drop", { ...options, dataTransfer: data });
        const paste = new ClipboardEvent("paste", { ...options, clipboardData: data });
        if (name === "dropped") document.getElementById("main").dispatchEvent(drop);
        else document.getElementById("composer-body").dispatchEvent(paste);
    }"""
    alice.evaluate(script, "dropped")
    alice.evaluate(script, "pasted")
    expect(alice.locator(".composer-file")).to_have_count(2)
    assert chips(alice) == ["dropped.txt", "pasted.txt"]


def test_without_a_connection_the_message_waits_with_its_file_even_over_a_reload(pair: tuple[Page, Page]) -> None:
    alice, bob = pair
    alice.route("**/api/v1/uploads", lambda route: route.abort())
    attach(alice, FILES[0])
    expect(alice.locator(".composer-file-state")).to_have_text("Waits for the connection")
    field = alice.get_by_label(re.compile("^Message to"))
    field.fill("sent from the tunnel")
    field.press("Enter")
    expect(alice.locator(".message-pending", has_text="sent from the tunnel")).to_contain_text("Quarterly terms.pdf")
    alice.reload()
    expect(alice.locator(".message-pending", has_text="sent from the tunnel")).to_contain_text("Quarterly terms.pdf")
    alice.unroute("**/api/v1/uploads")
    alice.evaluate("() => window.dispatchEvent(new Event('online'))")
    said = bob.locator(".message", has_text="sent from the tunnel")
    expect(said).to_have_count(1)
    expect(said.get_by_role("link", name=re.compile("Quarterly terms.pdf"))).to_be_visible()
    expect(alice.locator(".message-pending")).to_have_count(0)


def test_a_text_to_a_phone_offers_no_files_and_says_why(sign_in: SignIn) -> None:
    alice = sign_in("alice")
    alice.goto("/c/5/")
    expect(alice.locator(".conversation-client")).to_be_visible()
    expect(alice.get_by_role("button", name="Attach files")).to_have_count(0)
    alice.evaluate("""() => {
        const data = new DataTransfer();
        data.items.add(new File(["x"], "x.txt"));
        const options = { dataTransfer: data, bubbles: true, cancelable: true };
        document.getElementById("main").dispatchEvent(new DragEvent("drop", options));
    }""")
    expect(alice.get_by_text("a text message carries words only")).to_be_visible()


def test_files_fit_on_a_phone_in_the_dark(sign_in: SignIn) -> None:
    alice = sign_in("alice", size=PHONE, dark=True)
    open_direct(alice, "Bob Okafor")
    attach(alice, *FILES, {"name": "A very long name of a file that nobody would read to its end.pdf",
                           "mimeType": "application/pdf", "buffer": PDF})  # fmt: skip
    expect(alice.locator(".composer-file")).to_have_count(3)
    expect(alice.locator(".composer-file progress")).to_have_count(0)
    keep_picture(alice, "files-composer-phone-dark")
    assert violations(alice) == []
    alice.get_by_role("button", name="Send").click()
    expect(alice.locator(".file-image img").last).to_be_visible()
    expect(alice.locator(".message-pending")).to_have_count(0)
    keep_picture(alice, "files-received-phone-dark")
    assert alice.evaluate("() => document.documentElement.scrollWidth - window.innerWidth") <= 1
    assert violations(alice) == []


def test_an_officer_finds_a_file_by_its_name_and_fetches_it(pair: tuple[Page, Page], sign_in: SignIn) -> None:
    alice, _ = pair
    attach(alice, {"name": "pelican fee table.pdf", "mimeType": "application/pdf", "buffer": PDF})
    alice.get_by_label(re.compile("^Message to")).press("Enter")
    expect(alice.get_by_role("link", name=re.compile("pelican fee table.pdf"))).to_be_visible()
    cora = sign_in("cora")
    cora.goto("/portal/search/")
    cora.get_by_label("Why are you looking?").fill("Complaint of a client, file 12")
    cora.get_by_role("button", name="Go on").click()
    cora.get_by_label("Words").fill("pelican")
    cora.get_by_role("button", name="Search").click()
    cora.locator("a[href^='/portal/entries/']").first.click()
    link = cora.get_by_role("link", name=re.compile("pelican fee table.pdf"))
    expect(link).to_be_visible()
    keep_picture(cora, "files-portal-desktop-light")
    assert violations(cora) == []
    with cora.expect_download() as download:
        link.click()
    assert Path(download.value.path()).read_bytes() == PDF
