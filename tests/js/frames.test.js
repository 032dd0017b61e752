/* Page and server hold to one description of the frames: what we send is in it, and what it shows we take. */
import assert from "node:assert/strict";
import test from "node:test";
import { byId } from "../../static/js/models/conversations.js";
import { Cursors } from "../../static/js/models/cursors.js";
import { Session } from "../../static/js/models/session.js";
import { ChatSocket } from "../../static/js/models/socket.js";
import { createStore } from "../../static/js/models/store.js";
import { takeOverTimers } from "./clock.js";
import { examplesOf, faultsOf } from "./schema.js";

class RecordingSocket extends EventTarget {
  static OPEN = 1;
  static last = null;
  readyState = 1;
  sent = [];

  constructor() {
    super();
    RecordingSocket.last = this;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {}
}

test("the description finds fault with what it does not describe", () => {
  assert.deepEqual(faultsOf("client", { t: "read", c: 7, n: 42 }), []);
  assert.notDeepEqual(faultsOf("client", { t: "read", c: "7", n: 42 }), []);
  assert.notDeepEqual(faultsOf("server", { t: "pong", heads: [[7]] }), []);
  for (const example of examplesOf("server")) assert.deepEqual(faultsOf("server", example), [], JSON.stringify(example));
});

test("what the page sends is as described", (t) => {
  const tick = takeOverTimers(t);
  const client = new ChatSocket({ url: "ws://x/ws", cursors: () => new Cursors({ 7: 41 }).only(7), WebSocketClass: RecordingSocket });
  client.open();
  const socket = RecordingSocket.last;
  socket.dispatchEvent(new Event("open"));
  const [welcome] = examplesOf("server");
  socket.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(welcome) }));
  client.send({ t: "typing", c: 7 });
  tick(20_000);
  assert.deepEqual(socket.sent.map((frame) => frame.t), ["hello", "typing", "ping"]);
  for (const frame of socket.sent) assert.deepEqual(faultsOf("client", frame), []);
  client.stop();
});

test("the page takes every frame that the description shows", async () => {
  const shown = [];
  const timeline = { add: ({ n }) => shown.push(n), removeMessage: (n) => shown.push(`removed ${n}`), setSms() {}, reset: async () => {} };
  const conversations = byId([7, 9].map((id) => ({ id, head: 41, unread: 0, mentions: 0, read_n: 41, last_at: "" })));
  const store = createStore({ me: { id: 3 }, openId: 7, conversations, isReading: false, isMember: true, typing: new Map(), here: new Set() });
  const api = { get: async () => ({ events: [], heads: [], reset: [], limited: false }) };
  const session = new Session({ store, cursors: new Cursors({ 7: 41, 9: 3 }), api, timeline });
  for (const example of examplesOf("server").filter(({ t }) => t !== "pong")) session.take(example);
  assert.deepEqual(shown, [42, "removed 42"]);
  assert.deepEqual([...store.state.here], [4, 6]);
});
