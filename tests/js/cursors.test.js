/* Gap logic: what is applied, what is dropped, what makes the page sync. */
import assert from "node:assert/strict";
import test from "node:test";
import { Cursors } from "../../static/js/models/cursors.js";

test("the next number is applied and moves the cursor", () => {
  const cursors = new Cursors({ 7: 41 });
  assert.equal(cursors.take(7, 42), "apply");
  assert.equal(cursors.get(7), 42);
});

test("a number that was applied before is old, so nothing is shown twice", () => {
  const cursors = new Cursors({ 7: 41 });
  assert.equal(cursors.take(7, 41), "old");
  assert.equal(cursors.take(7, 3), "old");
  assert.equal(cursors.get(7), 41);
});

test("a number further ahead is a gap and leaves the cursor where it is", () => {
  const cursors = new Cursors({ 7: 41 });
  assert.equal(cursors.take(7, 43), "gap");
  assert.equal(cursors.get(7), 41);
});

test("a conversation that is not known begins with its first event, whatever its number", () => {
  const cursors = new Cursors();
  assert.equal(cursors.take(9, 12), "apply");
  assert.equal(cursors.take(9, 13), "apply");
});

test("cursors never move back", () => {
  const cursors = new Cursors({ 7: 41 });
  cursors.moveTo(7, 40);
  assert.equal(cursors.get(7), 41);
  cursors.moveTo(7, 50);
  assert.equal(cursors.get(7), 50);
});

test("a head ahead of the cursor says that we are behind", () => {
  const cursors = new Cursors({ 7: 41, 9: 3 });
  assert.equal(cursors.isBehind([[7, 41], [9, 3]]), false);
  assert.equal(cursors.isBehind([[7, 41], [9, 4]]), true);
  assert.equal(cursors.isBehind([[11, 1]]), true);
});

test("hello gets the cursor of the conversation that is shown, and none of a forgotten one", () => {
  const cursors = new Cursors({ 7: 41, 9: 3 });
  assert.deepEqual(cursors.only(7), { 7: 41 });
  cursors.forget(9);
  assert.deepEqual([cursors.only(9), cursors.only(null)], [{}, {}]);
});

test("any order and repetition of events ends at the same cursor, each applied once", () => {
  const applied = [];
  const cursors = new Cursors({ 7: 0 });
  for (const n of [1, 2, 2, 4, 3, 1, 4, 5, 5]) if (cursors.take(7, n) === "apply") applied.push(n);
  assert.deepEqual(applied, [1, 2, 3, 4, 5]);
});
