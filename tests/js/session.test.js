/* What frames mean: gaps become syncs, heads correct the list, events of the open conversation reach the timeline. */
import assert from "node:assert/strict";
import test from "node:test";
import { byId } from "../../static/js/models/conversations.js";
import { Cursors } from "../../static/js/models/cursors.js";
import { Session } from "../../static/js/models/session.js";
import { createStore } from "../../static/js/models/store.js";

const settle = () => new Promise((done) => setTimeout(done, 5));
const conversation = (id, head) => ({ id, kind: "team", title: "", subtitle: "", head, unread: 0, mentions: 0, read_n: head, last_at: "2026-11-21T10:00:00.000Z" });
const created = (c, n) => ({
  t: "ev", c, n, kind: "message.created", message: { c, n, client_key: `k${n}`, at: "2026-11-21T11:00:00.000Z", author: { id: 2, kind: "person" } },
});

function makePage({ answers = [], reset = async () => {} } = {}) {
  const shown = [];
  const asked = [];
  const timeline = { add: (message) => shown.push(message.n), removeMessage: (n) => shown.push(`removed ${n}`), setSms() {}, reset: () => reset().then(() => shown.push("reset")) };
  const api = {
    async get(path, query) {
      asked.push(query ? `${path} ${query.after}` : path);
      return answers.shift();
    },
  };
  const store = createStore({ me: { id: 1 }, openId: 7, conversations: byId([conversation(7, 41), conversation(9, 3)]), isReading: false, isMember: true, typing: new Map(), here: new Set() });
  const cursors = new Cursors({ 7: 41, 9: 3 });
  return { store, cursors, shown, asked, session: new Session({ store, cursors, api, timeline }) };
}

test("the next event of the open conversation is shown once", () => {
  const { session, shown } = makePage();
  session.take(created(7, 42));
  session.take(created(7, 42));
  assert.deepEqual(shown, [42]);
});

test("a message elsewhere is counted, not shown", () => {
  const { session, shown, store } = makePage();
  session.take(created(9, 4));
  assert.deepEqual(shown, []);
  assert.equal(store.state.conversations.get(9).unread, 1);
});

test("a gap is filled by sync from our cursor, in order, and what was early is not lost", async () => {
  const answer = { events: [created(7, 42), created(7, 43), created(7, 44)], heads: [[7, 44, 3, 0], [9, 3, 0, 0]], reset: [], limited: false };
  const { session, shown, asked } = makePage({ answers: [answer] });
  session.take(created(7, 44));
  await settle();
  session.take(created(7, 45));
  assert.deepEqual(asked, ["sync 7:41"]);
  assert.deepEqual(shown, [42, 43, 44, 45]);
});

test("a limited sync is continued from the new cursor", async () => {
  const heads = [[7, 44, 3, 0], [9, 3, 0, 0]];
  const answers = [{ events: [created(7, 42)], heads, reset: [], limited: true }, { events: [created(7, 43), created(7, 44)], heads, reset: [], limited: false }];
  const { session, shown, asked } = makePage({ answers });
  session.take({ t: "pong", heads: [[7, 44], [9, 3]] });
  await settle();
  assert.deepEqual(asked, ["sync 7:41", "sync 7:42"]);
  assert.deepEqual(shown, [42, 43, 44]);
});

test("a pong without a head ahead of us asks nothing", async () => {
  const { session, asked } = makePage();
  session.take({ t: "pong", heads: [[7, 41], [9, 3]] });
  await settle();
  assert.deepEqual(asked, []);
});

test("after a very long absence the newest page takes the place of every event since", async () => {
  const heads = [[7, 900, 800, 0], [9, 3, 0, 0]];
  const { session, shown, cursors } = makePage({ answers: [{ events: [created(7, 42)], heads, reset: [], limited: true }] });
  await session.sync();
  assert.deepEqual(shown, ["reset"]);
  assert.equal(cursors.get(7), 900);
});

test("a conversation that is not shown goes on from the head of the welcome, also behind what we had", () => {
  const { session, cursors } = makePage();
  session.take({ t: "welcome", heads: [[7, 41, 0, 0], [9, 1, 0, 0]], limits: {}, build: "1" });
  assert.equal(cursors.get(9), 1);
  session.take(created(9, 2));
  assert.equal(cursors.get(9), 2);
});

test("heads without the open conversation say that we no longer belong to it", () => {
  const { session, store } = makePage();
  session.take({ t: "welcome", heads: [[9, 3, 0, 0]], limits: {}, build: "1" });
  assert.equal(store.state.isMember, false);
  assert.equal(store.state.conversations.has(7), false);
});

test("heads with an unknown conversation make the page ask for the list", async () => {
  const results = [conversation(7, 41), conversation(9, 3), conversation(12, 1)];
  const { session, store, cursors } = makePage({ answers: [{ results }] });
  session.take({ t: "welcome", heads: [[7, 41, 0, 0], [9, 3, 0, 0], [12, 1, 1, 0]], limits: {}, build: "1" });
  await settle();
  assert.equal(store.state.conversations.has(12), true);
  assert.equal(cursors.get(12), 1);
});

test("a removed message becomes a tombstone only where it is shown", () => {
  const { session, shown } = makePage();
  session.take({ t: "ev", c: 7, n: 42, kind: "message.removed", target: 40 });
  session.take({ t: "ev", c: 9, n: 4, kind: "message.removed", target: 2 });
  assert.deepEqual(shown, ["removed 40"]);
});

test("who writes is forgotten when their message is there, and my own typing is not shown", () => {
  const { session, store } = makePage();
  session.take({ t: "eph", c: 7, kind: "typing", person: { id: 1, name: "Me" } });
  session.take({ t: "eph", c: 7, kind: "typing", person: { id: 2, name: "Bob" } });
  assert.deepEqual([...store.state.typing.keys()], ["7:2"]);
  session.take(created(7, 42));
  assert.equal(store.state.typing.size, 0);
});

test("reading up to the head clears what waits, reading less does not", () => {
  const { session, store } = makePage();
  session.take(created(9, 4));
  session.markRead(9, 3);
  assert.equal(store.state.conversations.get(9).unread, 1);
  session.markRead(9, 4);
  assert.equal(store.state.conversations.get(9).unread, 0);
});

test("what another device has read is read here, also where it is told before the message", () => {
  const { session, store } = makePage();
  const unread = () => store.state.conversations.get(9).unread;
  session.take(created(9, 4));
  session.take({ t: "eph", c: 9, kind: "read", n: 4 });
  assert.equal(unread(), 0);
  session.take({ t: "eph", c: 9, kind: "read", n: 5 });
  session.take(created(9, 5));
  assert.equal(unread(), 0);
  session.take(created(9, 6));
  assert.equal(unread(), 1);
  session.take({ t: "eph", c: 12, kind: "read", n: 1 });
  assert.equal(store.state.conversations.has(12), false);
});

test("readings that come in another order, or while an answer is on its way, count", async () => {
  const heads = [[7, 41, 0, 0], [9, 5, 2, 1]];
  const { session, store } = makePage({ answers: [{ events: [], heads, reset: [], limited: false }, { results: [conversation(7, 41), { ...conversation(9, 5), read_n: 3, unread: 2 }] }] });
  const waiting = () => store.state.conversations.get(9).unread;
  session.sync();
  session.take({ t: "eph", c: 9, kind: "read", n: 5 });
  session.take({ t: "eph", c: 9, kind: "read", n: 4 });
  await settle();
  assert.equal(waiting(), 0);
  session.take(created(12, 1)); // unknown: the list is asked for, and its answer was made before the reading
  await settle();
  assert.equal(waiting(), 0);
  for (const n of [6, 7, 8]) session.take(created(9, n));
  session.take({ t: "eph", c: 9, kind: "read", n: 7 });
  assert.equal(waiting(), 1);
});

test("a reading that was lost with its connection waits again, so that it is sent again", () => {
  const { session, store } = makePage();
  for (const n of [4, 5]) session.take(created(9, n));
  session.markRead(9, 5);
  session.take({ t: "welcome", heads: [[7, 41, 0, 0], [9, 5, 2, 1]], limits: {}, build: "b" });
  const { unread, mentions, read_n } = store.state.conversations.get(9);
  assert.deepEqual([unread, mentions, read_n], [2, 1, 3]);
});

test("what was read beyond the head of a database that was put back is unread when it is said again", () => {
  const { session, store } = makePage();
  session.take(created(9, 4));
  session.take({ t: "eph", c: 9, kind: "read", n: 5 });
  session.take({ t: "welcome", heads: [[7, 41, 0, 0], [9, 3, 0, 0]], limits: {}, build: "b" });
  for (const n of [4, 5]) session.take(created(9, n));
  assert.deepEqual([store.state.conversations.get(9).head, store.state.conversations.get(9).unread], [5, 2]);
});

test("a new conversation that tells its whole history makes the page ask once, and nothing of it is shown twice", async () => {
  const results = [conversation(7, 41), conversation(9, 3), conversation(12, 50)];
  const { session, asked, store, shown } = makePage({ answers: [{ results }] });
  for (let n = 1; n <= 20; n += 1) session.take(created(12, n));
  await settle();
  for (let n = 21; n <= 50; n += 1) session.take(created(12, n));
  session.take(created(12, 51));
  assert.deepEqual(asked, ["conversations"]);
  assert.equal(store.state.conversations.get(12).unread, 1);
  assert.deepEqual(shown, []);
});

test("whoever is added again to the open conversation gets its newest page, once", async () => {
  const results = [conversation(7, 60), conversation(9, 3)];
  const { session, store, shown } = makePage({ answers: [{ results }] });
  session.take({ t: "welcome", heads: [[9, 3, 0, 0]], limits: {}, build: "1" });
  session.take(created(7, 1));
  await settle();
  session.take(created(7, 2));
  session.take(created(7, 61));
  assert.equal(store.state.isMember, true);
  assert.deepEqual(shown, ["reset", 61]);
});

const presence = (whole, here, gone = []) => ({ t: "eph", kind: "presence", whole, here, gone });

test("who is here follows changes, and a whole list takes the place of all", () => {
  const { session, store } = makePage();
  session.take(presence(true, [2, 3]));
  session.take(presence(false, [4], [2]));
  assert.deepEqual([...store.state.here], [3, 4]);
  session.take(presence(true, [5]));
  assert.deepEqual([...store.state.here], [5]);
});

test("after a reset the newest page takes the place of ours, and new numbers are shown although they are below the old ones", async () => {
  const { session, shown, cursors } = makePage({ answers: [{ events: [], heads: [[7, 20, 0, 0], [9, 3, 0, 0]], reset: [], limited: false }] });
  session.take({ t: "reset", c: 7, head: 20 });
  await settle();
  session.take(created(7, 21));
  assert.deepEqual(shown, ["reset", 21]);
  session.take({ t: "reset", c: 9, head: 1 });
  assert.equal(cursors.get(9), 1);
});

test("a reset that a sync brings counts as well", async () => {
  const answers = [
    { events: [], heads: [[7, 20, 0, 0], [9, 3, 0, 0]], reset: [[7, 20]], limited: false },
    { events: [], heads: [[7, 20, 0, 0], [9, 3, 0, 0]], reset: [], limited: false },
  ];
  const { session, shown, cursors } = makePage({ answers });
  await session.sync();
  await settle();
  assert.deepEqual([shown, cursors.get(7)], [["reset"], 20]);
});

test("a page that does not come moves no cursor: the gap stays to be filled", async () => {
  const heads = [[7, 900, 800, 0], [9, 3, 0, 0]];
  const reset = async () => Promise.reject(new Error("offline"));
  const { session, cursors } = makePage({ answers: [{ events: [created(7, 42)], heads, reset: [], limited: true }], reset });
  await session.sync();
  assert.equal(cursors.get(7), 41);
  session.take({ t: "reset", c: 7, head: 20 });
  await settle();
  assert.equal(cursors.get(7), 41);
});

test("who comes back to a conversation whose page does not come begins it anew", async () => {
  const results = [conversation(7, 60), conversation(9, 3)];
  const reset = async () => Promise.reject(new Error("offline"));
  const { session, cursors, asked } = makePage({ answers: [{ results }], reset });
  session.take({ t: "welcome", heads: [[9, 3, 0, 0]], limits: {}, build: "1" });
  session.take({ t: "welcome", heads: [[7, 60, 0, 0], [9, 3, 0, 0]], limits: {}, build: "1" });
  await settle();
  assert.deepEqual([cursors.get(7), asked], [0, ["conversations"]]);
});
