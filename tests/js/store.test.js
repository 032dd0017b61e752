/* The store and the list of conversations in it. */
import assert from "node:assert/strict";
import test from "node:test";
import * as lists from "../../static/js/models/conversations.js";
import { createStore } from "../../static/js/models/store.js";

const conversation = (id, over = {}) => ({
  id, kind: "team", title: `Space ${id}`, subtitle: "", head: 10, unread: 0, mentions: 0, read_n: 10, last_at: `2026-11-21T10:00:${id}.000Z`, ...over,
});
const message = (c, n, authorId, over = {}) => ({ c, n, at: "2026-11-21T11:00:00.000Z", author: { id: authorId, kind: "person" }, ...over });
const REST = { myId: 1, isReading: false };

test("listeners are told once for several changes in one turn, with the state before", async () => {
  const store = createStore({ a: 1, b: 1 });
  const heard = [];
  store.listen((state, previous) => heard.push([state.a, state.b, previous.a]));
  store.change({ a: 2 });
  store.change((state) => ({ b: state.a + 1 }));
  assert.deepEqual(heard, []);
  await Promise.resolve();
  assert.deepEqual(heard, [[2, 3, 1]]);
});

test("a listener that changes the store is told of its own change in a later turn", async () => {
  const store = createStore({ a: 1, b: 1 });
  const heard = [];
  store.listen((state) => {
    heard.push([state.a, state.b]);
    if (state.b < state.a) store.change({ b: state.a });
  });
  store.change({ a: 2 });
  await new Promise((done) => setTimeout(done));
  assert.deepEqual(heard, [[2, 1], [2, 2]]);
});

test("the state cannot be changed past the store", () => {
  const store = createStore({ a: 1 });
  assert.throws(() => { store.state.a = 2; }, TypeError);
});

test("a listener that left hears nothing", async () => {
  const store = createStore({ a: 1 });
  let calls = 0;
  store.listen(() => (calls += 1))();
  store.change({ a: 2 });
  await Promise.resolve();
  assert.equal(calls, 0);
});

test("somebody's message makes a conversation unread, mine and one that is being read do not", () => {
  const list = lists.byId([conversation(7)]);
  assert.equal(lists.afterMessage(list, message(7, 11, 2), REST).get(7).unread, 1);
  assert.equal(lists.afterMessage(list, message(7, 11, 1), REST).get(7).unread, 0);
  assert.equal(lists.afterMessage(list, message(7, 11, 2), { myId: 1, isReading: true }).get(7).unread, 0);
});

test("a contact with my number is not me", () => {
  const text = message(7, 11, 1, { author: { id: 1, kind: "contact" } });
  assert.equal(lists.afterMessage(lists.byId([conversation(7)]), text, REST).get(7).unread, 1);
});

test("a message that the heads have counted already is not counted again", () => {
  const list = lists.byId([conversation(7, { head: 11, unread: 1 })]);
  assert.equal(lists.afterMessage(list, message(7, 11, 2), REST).get(7).unread, 1);
});

test("heads bring the server's numbers and name what only one side knows", () => {
  const list = lists.byId([conversation(7, { unread: 9 }), conversation(8)]);
  const { list: next, unknown, gone } = lists.afterHeads(list, [[7, 15, 2, 1], [9, 4, 1, 0]]);
  assert.deepEqual([next.get(7).head, next.get(7).unread, next.get(7).mentions], [15, 2, 1]);
  assert.deepEqual([unknown, gone], [[9], [8]]);
  assert.equal(next.has(8), false);
});

test("heads never move a conversation's head back", () => {
  const list = lists.byId([conversation(7, { head: 20 })]);
  assert.equal(lists.afterHeads(list, [[7, 15, 0, 0]]).list.get(7).head, 20);
});

test("what waits comes first, the open conversation stays in its own group, newest first within each", () => {
  const list = lists.byId([
    conversation(11), conversation(12, { unread: 3 }), conversation(13, { unread: 1 }), conversation(14, { kind: "direct" }), conversation(15),
  ]);
  const shown = lists.grouped(list, 13).map(([key, members]) => [key, members.map(({ id }) => id)]);
  assert.deepEqual(shown, [["unread", [12]], ["spaces", [15, 13, 11]], ["direct", [14]]]);
});

test("Alt+arrows go to the neighbour in the order that is shown, and stop at the ends", () => {
  const list = lists.byId([conversation(11), conversation(12), conversation(13, { unread: 1 })]);
  assert.equal(lists.neighbour(list, 12, 1).id, 11);
  assert.equal(lists.neighbour(list, 11, 1), null);
  assert.equal(lists.neighbour(list, null, -1).id, 11);
  assert.equal(lists.neighbour(list, 11, -1, { unreadOnly: true }).id, 13);
});

test("the switcher finds every word anywhere in the name and puts beginnings first", () => {
  const list = lists.byId([conversation(11, { title: "Bond desk" }), conversation(12, { title: "Desk of bonds" }), conversation(13, { title: "Rates" })]);
  assert.deepEqual(lists.matching(list, "desk bo").map(({ id }) => id), [12, 11]);
  assert.deepEqual(lists.matching(list, "nothing"), []);
});

test("the title's number is the sum of what waits", () => {
  assert.equal(lists.unreadTotal(lists.byId([conversation(11, { unread: 2 }), conversation(12, { unread: 3 })])), 5);
});
