"""The list of messages while a page of it is under way: its own module in a real Chromium, with slow answers."""

from typing import Any

import pytest

from tests.browser.conftest import SignIn
from tests.browser.test_main_flow import open_direct

pytestmark = pytest.mark.backend("sqlite")  # what a page does does not depend on the database
PLAY = """async () => {
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
  const { Timeline } = await import(loaded.find((name) => name.includes("/components/timeline")));
  const author = { id: 99, name: "Bob", kind: "person", hue: 0, initials: "B" };
  const said = (n) => ({
    c: 1, n, client_key: `key-${n}`, author, body: `${n}`, html: `<p>${n}</p>`, attachments: [],
    at: "2026-11-22T08:00:00.000Z", state: "shown", removal_reason: "", channel: "chat", seq: n, sms: null,
  });
  const asked = [];
  const api = { get: () => new Promise((come, fail) => asked.push({ come, fail })) };
  const settle = () => new Promise((done) => setTimeout(done, 0));
  const root = document.getElementById("timeline");
  const timeline = new Timeline({ root, conversationId: 1, me: { id: 1 }, api, hasOlder: false });
  const placed = timeline.reset();
  await settle();
  timeline.add(said(100));
  timeline.removeMessage(99, "conduct");
  asked[0].come({ messages: [said(98), said(99)], has_more: false, has_newer: false });
  await placed;
  const rows = [...document.querySelectorAll("#rows > .message")];
  const shown = rows.map((row) => [Number(row.dataset.n), row.classList.contains("message-removed")]);
  const lost = timeline.reset().then(() => "resolved", () => "rejected");
  await settle();
  asked[1].fail(new Error("offline"));
  return { shown, lost: await lost, kept: document.querySelectorAll("#rows > .message").length };
}"""


def test_what_is_said_and_removed_while_a_page_is_under_way_is_shown(sign_in: SignIn) -> None:
    page = sign_in("alice")
    open_direct(page, "Bob Okafor")
    found: dict[str, Any] = page.evaluate(PLAY)  # Any: as JSON has it
    assert found == {"shown": [[98, False], [99, True], [100, False]], "lost": "rejected", "kept": 3}
