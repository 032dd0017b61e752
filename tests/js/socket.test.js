/* The protocol client against a socket that does what the test says. */
import assert from "node:assert/strict";
import test from "node:test";
import { ChatSocket } from "../../static/js/models/socket.js";
import { takeOverTimers } from "./clock.js";

class FakeSocket extends EventTarget {
  static OPEN = 1;
  static made = [];
  readyState = 0;
  sent = [];

  constructor(url, protocol) {
    super();
    this.protocol = protocol;
    FakeSocket.made.push(this);
  }

  accept() {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  say(frame) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(frame) }));
  }

  hangUp(code) {
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }
}

function makeClient(t) {
  const tick = takeOverTimers(t);
  FakeSocket.made = [];
  const client = new ChatSocket({ url: "ws://x/ws", cursors: () => ({ 7: 41 }), WebSocketClass: FakeSocket });
  const states = [];
  client.addEventListener("state", ({ detail }) => states.push(detail));
  client.open();
  return { client, states, tick, socket: () => FakeSocket.made.at(-1) };
}

const welcome = { t: "welcome", v: 1, heads: [] };

test("hello goes first, with our cursors, and only a welcome makes us online", (t) => {
  const { client, states, socket } = makeClient(t);
  socket().accept();
  assert.deepEqual(socket().sent, [{ t: "hello", v: 1, cursors: { 7: 41 } }]);
  assert.equal(client.send({ t: "typing", c: 7 }), false);
  socket().say(welcome);
  assert.deepEqual(states, ["connecting", "online"]);
  assert.equal(client.send({ t: "typing", c: 7 }), true);
});

test("after a membership change it comes back at once", (t) => {
  const { socket, tick } = makeClient(t);
  socket().accept();
  socket().say(welcome);
  socket().hangUp(4003);
  tick(1);
  assert.equal(FakeSocket.made.length, 2);
});

test("after a change of password it comes back once the new cookie is there", (t) => {
  const { client, states, socket, tick } = makeClient(t);
  let isSignedOut = false;
  client.addEventListener("signedout", () => (isSignedOut = true));
  socket().accept();
  socket().say(welcome);
  socket().hangUp(4002);
  tick(999);
  assert.equal(FakeSocket.made.length, 1);
  tick(501);
  assert.equal(FakeSocket.made.length, 2);
  assert.deepEqual([isSignedOut, states.at(-1)], [false, "connecting"]);
});

test("after an ended session it does not come back", (t) => {
  const { client, socket, tick } = makeClient(t);
  let isSignedOut = false;
  client.addEventListener("signedout", () => (isSignedOut = true));
  socket().accept();
  socket().hangUp(4001);
  tick(120_000);
  assert.equal(isSignedOut, true);
  assert.equal(FakeSocket.made.length, 1);
});

test("a lost connection comes back within the limit of its try", (t) => {
  const { states, socket, tick } = makeClient(t);
  socket().accept();
  socket().say(welcome);
  socket().hangUp(1006);
  tick(500);
  assert.equal(FakeSocket.made.length, 2);
  assert.deepEqual(states, ["connecting", "online", "offline", "connecting"]);
});

test("a question without an answer is a dead connection", (t) => {
  const { socket, tick } = makeClient(t);
  socket().accept();
  socket().say(welcome);
  tick(20_000);
  assert.deepEqual(socket().sent.at(-1), { t: "ping" });
  tick(10_000);
  tick(500);
  assert.equal(FakeSocket.made.length, 2);
});

test("an answered ping keeps the connection", (t) => {
  const { socket, tick } = makeClient(t);
  socket().accept();
  socket().say(welcome);
  for (let round = 0; round < 5; round += 1) {
    tick(20_000);
    socket().say({ t: "pong", heads: [] });
  }
  assert.equal(FakeSocket.made.length, 1);
});

test("a server that says bye is left alone for as long as it asks, once", (t) => {
  const { socket, tick } = makeClient(t);
  socket().accept();
  socket().say(welcome);
  socket().say({ t: "bye", reconnect_ms: 7_000 });
  socket().hangUp(1012);
  tick(6_999);
  assert.equal(FakeSocket.made.length, 1);
  tick(1);
  assert.equal(FakeSocket.made.length, 2);
  socket().hangUp(1006);
  tick(1_000);
  assert.equal(FakeSocket.made.length, 3);
});
