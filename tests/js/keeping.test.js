/* What happens where the browser keeps nothing, or the network says nothing: no words are lost, nobody waits for ever. */
import assert from "node:assert/strict";
import test from "node:test";
import { startPosting } from "../../static/js/components/posting.js";
import { sendUp } from "../../static/js/models/api.js";

class FullOutbox extends EventTarget {
  posts = async () => [];
  add = async () => {
    throw new Error("QuotaExceededError");
  };
}

test("a post that cannot be kept is taken back from the page, and its author is told", async () => {
  const shown = new Set();
  const timeline = { addPending: async (post) => shown.add(post.client_key), drop: (key) => shown.delete(key) };
  const posting = startPosting({ timeline, outbox: new FullOutbox(), conversationId: 7 });
  await assert.rejects(posting.post("kept nowhere"), /QuotaExceeded/);
  assert.equal(shown.size, 0);
});

/* Sends what the test says, and stays silent otherwise. */
class SilentRequest extends EventTarget {
  static last = null;
  upload = new EventTarget();
  constructor() {
    super();
    SilentRequest.last = this;
  }
  open() {}
  setRequestHeader() {}
  send() {}
  abort() {
    this.dispatchEvent(new Event("abort"));
    this.dispatchEvent(new Event("loadend"));
  }
}

test("a file whose connection died is given up after a while, and not while something moves", async () => {
  Object.assign(globalThis, { XMLHttpRequest: SilentRequest, document: { querySelector: () => null } });
  const began = Date.now();
  const sending = sendUp({ name: "a.pdf" }, { stalledMs: 60 });
  const moving = setInterval(() => SilentRequest.last.upload.dispatchEvent(Object.assign(new Event("progress"), { loaded: 1, total: 2 })), 20);
  setTimeout(() => clearInterval(moving), 150);
  await assert.rejects(sending, { code: "offline", isTemporary: true });
  assert.ok(Date.now() - began >= 150);
});
