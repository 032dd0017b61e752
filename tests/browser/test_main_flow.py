"""The product's main job by hand, in a real Chromium: from a message to a verified export."""

import re
import subprocess
import sys
import time
import uuid
import zipfile
from pathlib import Path

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import PHONE, SignIn, keep_picture
from tests.stack import Stack

WITHIN_MS = 1200  # a second, and what the browser needs to draw


def test_alice_and_bob_talk_and_charlie_is_told_nothing(stack: Stack, sign_in: SignIn) -> None:
    alice, bob, charlie = sign_in("alice"), sign_in("bob"), sign_in("charlie")
    address = open_direct(alice, "Bob Okafor")
    bob.goto(address)
    words = f"Is the draft ready? {uuid.uuid4().hex[:8]}"
    send(alice, words)
    expect(said(bob, words)).to_be_visible()
    send(bob, "Yes, **both** pages.")
    expect(alice.locator(".message-body strong", has_text="both").last).to_be_visible()
    assert status_of(charlie, address) == 404
    refused = charlie.locator("#main").inner_text()
    assert status_of(charlie, "/c/987654/") == 404
    assert charlie.locator("#main").inner_text() == refused
    assert words not in charlie.content()


def test_the_bubble_is_there_at_once_and_becomes_the_real_message(stack: Stack, sign_in: SignIn) -> None:
    alice = sign_in("alice")
    open_direct(alice, "Bob Okafor")
    alice.route("**/api/v1/conversations/*/messages", pass_slowly)
    words = f"painted first {uuid.uuid4().hex[:8]}"
    fill_and_enter(alice, words)
    bubble = alice.locator(".message", has_text=words)
    expect(bubble).to_have_count(1, timeout=400)
    key = bubble.get_attribute("id")
    expect(alice.locator(f"[id='{key}'][data-seq]:not([data-seq=''])")).to_be_visible()
    expect(bubble).to_have_count(1)


def test_words_that_the_browser_cannot_keep_stay_in_the_composer(sign_in: SignIn) -> None:
    alice = sign_in("alice")
    open_direct(alice, "Bob Okafor")
    composer = alice.get_by_label(re.compile("^Message to"))
    alice.evaluate(
        "() => { IDBObjectStore.prototype.add = () => { throw new DOMException('', 'QuotaExceededError'); }; }"
    )
    fill_and_enter(alice, "kept nowhere yet")
    expect(alice.locator(".toast")).to_contain_text("could not be kept on this device")
    expect(composer).to_have_value("kept nowhere yet")
    expect(alice.locator(".message", has_text="kept nowhere yet")).to_have_count(0)


def test_unread_counts_and_the_newest_conversation_come_without_a_reload(stack: Stack, sign_in: SignIn) -> None:
    alice, bob = sign_in("alice"), sign_in("bob")
    open_direct(alice, "Bob Okafor")
    bob.goto("/")
    row = bob.locator("a.sidebar-item", has_text="Alice Moreau")
    send(alice, f"for the badge {uuid.uuid4().hex[:6]}")
    expect(row.locator(".badge")).to_be_visible()
    row.click()
    expect(bob.locator("#composer-body")).to_be_visible()
    expect(bob.locator("a.sidebar-item[aria-current=page] .badge")).to_have_count(0)


def test_a_removed_member_hears_nothing_within_a_second(stack: Stack, sign_in: SignIn) -> None:
    alice, bob = sign_in("alice"), sign_in("bob")
    group = api(alice, "POST", "conversations", {"kind": "group", "title": "Short lived", "people": [person(bob)]})
    bob.goto(f"/c/{group['id']}/")
    alice.goto(f"/c/{group['id']}/")
    send(alice, "before the removal")
    expect(said(bob, "before the removal")).to_be_visible()
    api(alice, "DELETE", f"conversations/{group['id']}/members/{person(bob)}")
    send(alice, "after the removal")
    bob.wait_for_timeout(WITHIN_MS)
    assert "after the removal" not in bob.content()
    assert status_of(bob, f"/c/{group['id']}/") == 404


def test_an_officer_searches_exports_and_another_approves_and_the_package_verifies(
    stack: Stack, sign_in: SignIn, tmp_path: Path
) -> None:
    alice, cora, carl = sign_in("alice"), sign_in("cora"), sign_in("carl")
    word = f"heron{uuid.uuid4().hex[:8]}"
    open_direct(alice, "Bob Okafor")
    send(alice, f"The {word} file is on the desk")
    cora.goto("/portal/search/")
    cora.get_by_label("Why are you looking?").fill("Complaint 2026-117")
    cora.get_by_role("button", name="Go on").click()
    cora.get_by_label("Words").fill(word)
    cora.get_by_role("button", name="Search").click()
    keep_picture(cora, "portal-search")
    cora.locator("a[href*='/portal/entries/']").first.click()
    expect(cora.get_by_text(word)).to_be_visible()
    keep_picture(cora, "portal-entry")
    cora.get_by_role("link", name="Export this conversation").click()
    cora.get_by_label("Purpose").fill("Complaint 2026-117, whole conversation")
    cora.get_by_role("button", name="Ask for this export").click()
    expect(cora.get_by_text("Another officer decides on it").first).to_be_visible()
    address = cora.url
    carl.goto(address)
    carl.get_by_role("button", name="Approve").click()
    cora.get_by_role("button", name=re.compile("Download")).wait_for(timeout=20_000)  # her page comes up to date itself
    keep_picture(cora, "portal-export")
    with cora.expect_download() as coming:
        cora.get_by_role("button", name=re.compile("Download")).click()
    package = tmp_path / "package.zip"
    coming.value.save_as(package)
    check_package(stack, package, tmp_path, word)
    cora.goto(address)
    expect(cora.get_by_role("button", name=re.compile("Download"))).to_have_count(0)


def test_the_client_answers_and_stops_and_the_next_text_is_refused(stack: Stack, sign_in: SignIn) -> None:
    alice, phone = sign_in("alice"), sign_in(size=PHONE)
    alice.goto("/")
    alice.locator("a.sidebar-item", has_text="Walter Brook").first.click()
    words = f"The paper is in the post {uuid.uuid4().hex[:6]}"
    send(alice, words)
    phone.goto("/phone/")
    phone.locator("a.phone-link", has_text="Walter Brook").click()
    expect(said(phone, words)).to_be_visible(timeout=15_000)
    answer(phone, "Thank you, it came")
    expect(said(alice, "Thank you, it came")).to_be_visible(timeout=15_000)
    expect(alice.locator(".sms-state[data-state=delivered]").last).to_be_visible(timeout=15_000)
    keep_picture(alice, "client-thread")
    answer(phone, " Stop! ")
    expect(said(phone, "unsubscribed")).to_be_visible(timeout=15_000)
    keep_picture(phone, "phone")
    expect(said(alice, "Stop!")).to_be_visible(timeout=15_000)
    expect(alice.locator(".conversation-head [data-consent=suppressed]")).to_be_visible()
    send(alice, "One more thing")
    refused = alice.locator(".message", has_text="One more thing")
    expect(refused.locator(".sms-state[data-state=refused]")).to_be_visible(timeout=15_000)
    expect(refused.locator(".sms-reason").first).to_be_visible()
    phone.wait_for_timeout(WITHIN_MS)
    assert "One more thing" not in phone.content()
    keep_picture(alice, "client-stopped")


def test_a_reported_message_is_removed_and_the_members_see_a_tombstone(stack: Stack, sign_in: SignIn) -> None:
    charlie, mona = sign_in("charlie"), sign_in("mona")
    charlie.goto("/")
    charlie.locator("a.sidebar-item", has_text="Autumn roadshow").first.click()
    expect(said(charlie, "guaranteed return of nine percent")).to_be_visible()
    mona.goto("/portal/review/")
    mona.locator("a[href*='/portal/review/']").filter(has_not_text="Review").first.click()
    mona.get_by_label("Reason").fill("A promise of return")
    mona.get_by_role("button", name="Remove the message").click()
    expect(charlie.locator(".message-tombstone")).to_contain_text("A promise of return")
    assert "guaranteed return of nine percent" not in charlie.locator("#main").inner_text()
    charlie.reload()
    expect(charlie.locator(".message-tombstone")).to_contain_text("A promise of return")


def pass_slowly(route: Route) -> None:
    time.sleep(0.7)
    route.continue_()


def status_of(page: Page, address: str) -> int:
    answer = page.goto(address)
    assert answer is not None
    return answer.status


def said(page: Page, words: str) -> Locator:
    """Return the newest place in a thread (chat or phone) where the words stand."""
    return page.locator(".message-body, .phone-text-body", has_text=words).last


# --- what people do --------------------------------------------------------------------------------------------------
def open_direct(page: Page, name: str) -> str:
    page.goto("/")
    page.locator("a.sidebar-item", has_text=name).first.click()
    expect(page.locator("#composer-body")).to_be_visible()
    return page.url


def fill_and_enter(page: Page, words: str) -> None:
    page.locator("#composer-body").fill(words)
    page.keyboard.press("Enter")


def send(page: Page, words: str) -> None:
    """Send and wait until the message is on record (its element has an entry number)."""
    before = page.locator(".message[data-seq]:not([data-seq=''])").count()
    fill_and_enter(page, words)
    expect(page.locator(".message[data-seq]:not([data-seq=''])")).not_to_have_count(before)


def answer(phone: Page, words: str) -> None:
    phone.locator("#phone-body").fill(words)
    phone.locator("#phone-form button[type=submit]").first.click()


def api(page: Page, method: str, path: str, body: object = None) -> dict[str, object]:
    """Call the API as the page does, with its session and token."""
    result: dict[str, object] = page.evaluate(
        """async ([method, path, body]) => {
            const token = document.querySelector("meta[name=csrf-token]").content;
            const headers = {"X-CSRFToken": token, "Content-Type": "application/json"};
            const answer = await fetch(`/api/v1/${path}`, {method, headers, body: body && JSON.stringify(body)});
            return answer.status === 204 ? {} : await answer.json();
        }""",
        [method, path, body],
    )
    return result


def person(page: Page) -> object:
    return api(page, "GET", "me")["id"]


def check_package(stack: Stack, package: Path, folder: Path, word: str) -> None:
    """Unpack and verify with a bare interpreter; a flipped byte, a dropped middle and tail line are named."""
    key = stack.manage("record", "key").stdout.strip()
    bag = unpack(package, folder / "good")
    done = verify(bag, key)
    assert done.returncode == 0 and "verified and complete" in done.stdout, done.stdout
    lines = (bag / "data" / "entries.jsonl").read_bytes().splitlines(keepends=True)
    assert any(word.encode() in line for line in lines)
    damages = {
        "flipped": [lines[0], lines[1].replace(b"message", b"massage", 1), *lines[2:]],
        "middle": [*lines[:1], *lines[2:]],
        "tail": lines[:-1],
    }
    for name, damaged in damages.items():
        bad = unpack(package, folder / name)
        (bag_lines := bad / "data" / "entries.jsonl").chmod(0o644)
        bag_lines.write_bytes(b"".join(damaged))
        done = verify(bad, key)
        assert done.returncode == 1, f"{name}: {done.stdout}"
        assert "Traceback" not in done.stderr and done.stdout.strip()


def unpack(package: Path, folder: Path) -> Path:
    with zipfile.ZipFile(package) as file:
        file.extractall(folder)
    return next(path.parent for path in folder.rglob("verify.py"))


def verify(bag: Path, key: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", "verify.py", "--key", key]
    return subprocess.run(command, cwd=bag, capture_output=True, text=True, check=False)
