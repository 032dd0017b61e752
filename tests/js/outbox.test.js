/* The outbox: order per conversation, one sender, nothing lost, nothing sent after it was acknowledged. */
import assert from "node:assert/strict";
import test from "node:test";
import { Outbox } from "../../static/js/models/outbox.js";
import { memoryPosts } from "../../static/js/models/posts-store.js";

const settle = () => new Promise((done) => setTimeout(done, 5));
const temporary = { code: "offline", isTemporary: true, message: "" };
const refusal = { code: "refused", message: "No.", reasons: [{ message: "Off the record." }] };

/* Two tabs share a store, a channel and a lock: the first that asks gets it. */
function makeOffice() {
  const store = memoryPosts();
  const ears = new Set();
  let isHeld = false;
  const waiting = [];
  const locks = {
    request(_name, hold) {
      if (isHeld) return waiting.push(hold);
      isHeld = true;
      return hold();
    },
  };
  const channel = () => {
    const ear = new EventTarget();
    ears.add(ear);
    ear.postMessage = (data) => {
      for (const other of ears) if (other !== ear) other.dispatchEvent(Object.assign(new Event("message"), { data }));
    };
    return ear;
  };
  const tab = (send) => new Outbox({ name: "outbox", store, send, channel: channel(), locks });
  return { store, tab, passLock: () => waiting.shift()?.() };
}

/* A server that answers each post when the test says so. */
function makeServer() {
  const calls = [];
  const send = (post) => new Promise((resolve, reject) => calls.push({ post, resolve, reject }));
  const keys = () => calls.map(({ post }) => post.client_key);
  return { calls, send, keys };
}

const entry = (client_key, c = 7) => ({ client_key, c, body: client_key, at: "2026-11-21T10:00:00.000Z" });

test("posts of a conversation leave one after the other, other conversations do not wait", async () => {
  const server = makeServer();
  const outbox = makeOffice().tab(server.send);
  outbox.start();
  for (const [key, c] of [["a", 7], ["b", 7], ["x", 9]]) await outbox.add(entry(key, c));
  await settle();
  assert.deepEqual(server.keys(), ["a", "x"]);
  server.calls[0].resolve({ n: 1 });
  await settle();
  assert.deepEqual(server.keys(), ["a", "x", "b"]);
});

test("an acknowledged post is told with its message and is gone", async () => {
  const server = makeServer();
  const outbox = makeOffice().tab(server.send);
  const told = [];
  outbox.addEventListener("sent", ({ detail }) => told.push([detail.client_key, detail.message.n]));
  outbox.start();
  await outbox.add(entry("a"));
  await settle();
  server.calls[0].resolve({ n: 5 });
  await settle();
  assert.deepEqual(told, [["a", 5]]);
  assert.deepEqual(await outbox.posts(), []);
});

test("without an answer a post stays, holds its place, and is sent again with the same key", async () => {
  const server = makeServer();
  const outbox = makeOffice().tab(server.send);
  outbox.start();
  await outbox.add(entry("a"));
  await outbox.add(entry("b"));
  await settle();
  server.calls[0].reject(temporary);
  await settle();
  assert.equal((await outbox.posts()).length, 2);
  outbox.hurry();
  await settle();
  assert.equal(server.keys()[1], "a");
  server.calls.at(-1).resolve({ n: 1 });
  await settle();
  assert.equal(server.keys().at(-1), "b");
});

test("a refused post is kept with its reasons, lets the next one pass, and can be given up", async () => {
  const server = makeServer();
  const outbox = makeOffice().tab(server.send);
  outbox.start();
  await outbox.add(entry("bad"));
  await outbox.add(entry("good"));
  await settle();
  server.calls[0].reject(refusal);
  await settle();
  assert.deepEqual(server.keys(), ["bad", "good"]);
  const kept = (await outbox.posts()).find(({ client_key }) => client_key === "bad");
  assert.deepEqual([kept.state, kept.error.reasons], ["refused", refusal.reasons]);
  await outbox.discard("bad");
  assert.deepEqual((await outbox.posts()).map(({ client_key }) => client_key), ["good"]);
});

test("a refused post is sent again only when its author says so", async () => {
  const server = makeServer();
  const outbox = makeOffice().tab(server.send);
  outbox.start();
  await outbox.add(entry("bad"));
  await settle();
  server.calls[0].reject(refusal);
  await settle();
  outbox.hurry();
  await settle();
  assert.equal(server.calls.length, 1);
  await outbox.retry("bad");
  await settle();
  assert.deepEqual(server.keys(), ["bad", "bad"]);
});

test("only the tab that holds the lock sends, also what another tab wrote; both hear of it", async () => {
  const office = makeOffice();
  const [first, second] = [makeServer(), makeServer()];
  const [one, two] = [office.tab(first.send), office.tab(second.send)];
  const heard = [];
  two.addEventListener("sent", ({ detail }) => heard.push(detail.client_key));
  one.start();
  two.start();
  await two.add(entry("from-two"));
  await settle();
  assert.deepEqual([first.keys(), second.keys()], [["from-two"], []]);
  first.calls[0].resolve({ n: 1 });
  await settle();
  assert.deepEqual(heard, ["from-two"]);
});

test("when the sending tab is gone the next one sends what is left", async () => {
  const office = makeOffice();
  const [first, second] = [makeServer(), makeServer()];
  const [one, two] = [office.tab(first.send), office.tab(second.send)];
  one.start();
  two.start();
  await one.add(entry("left"));
  await settle();
  assert.deepEqual(second.keys(), []);
  office.passLock();
  await settle();
  assert.deepEqual(second.keys(), ["left"]);
});

test("a lost session stops sending and keeps everything", async () => {
  const server = makeServer();
  const outbox = makeOffice().tab(server.send);
  let isTold = false;
  outbox.addEventListener("signedout", () => (isTold = true));
  outbox.start();
  await outbox.add(entry("a"));
  await settle();
  server.calls[0].reject({ isSignedOut: true });
  await settle();
  assert.equal(isTold, true);
  assert.equal(server.calls.length, 1);
  assert.equal((await outbox.posts()).length, 1);
});

test("files that waited too long at the server are sent up once more, and only once", async () => {
  const { store, tab } = makeOffice();
  const server = makeServer();
  const outbox = tab(server.send);
  outbox.start();
  const file = { name: "a.pdf", type: "", size: 3, file: "bytes", upload: "u1" };
  await outbox.add({ client_key: "k", c: 7, body: "", at: "2026-11-21T10:00:00.000Z", files: [file] });
  await settle();
  const expired = { code: "invalid", field: "attachments", message: "Attach it again." };
  server.calls[0].reject(expired);
  await settle();
  assert.deepEqual(server.calls[1].post.files, [{ ...file, upload: null }]);
  server.calls[1].post.files[0].upload = "u2";
  server.calls[1].reject(expired);
  await settle();
  assert.equal(server.calls.length, 2);
  assert.equal((await store.all())[0].state, "refused");
});

test("a file that is up already is not forgotten when the post has to wait", async () => {
  const { store, tab } = makeOffice();
  const server = makeServer();
  const outbox = tab(server.send);
  outbox.start();
  const file = { name: "a.pdf", type: "", size: 3, file: "bytes", upload: null };
  await outbox.add({ client_key: "k", c: 7, body: "", at: "2026-11-21T10:00:00.000Z", files: [file] });
  await settle();
  server.calls[0].post.files[0].upload = "u1";
  server.calls[0].reject(temporary);
  await settle();
  assert.equal((await store.all())[0].files[0].upload, "u1");
});

test("what its author gives up while it is on its way does not come back", async () => {
  for (const giveUp of ["discard", "clear"]) {
    const server = makeServer();
    const outbox = makeOffice().tab(server.send);
    outbox.start();
    await outbox.add(entry("a"));
    await settle();
    await outbox[giveUp]("a");
    server.calls[0].reject(temporary);
    await settle();
    assert.deepEqual(await outbox.posts(), []);
    outbox.hurry();
    await settle();
    assert.equal(server.calls.length, 1);
  }
});

test("a store that fails for a moment does not end the sending", async () => {
  const server = makeServer();
  const { store, tab } = makeOffice();
  const outbox = tab(server.send);
  const { remove } = store;
  store.remove = () => Promise.reject(new Error("taken away"));
  outbox.start();
  await outbox.add(entry("a"));
  await outbox.add(entry("b"));
  await settle();
  server.calls[0].resolve({ n: 1 });
  await settle();
  store.remove = remove;
  outbox.hurry();
  await settle();
  server.calls[1].resolve({ n: 1 });
  await settle();
  assert.deepEqual(server.keys(), ["a", "a", "b"]);
});
