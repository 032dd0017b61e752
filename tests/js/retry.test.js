/* What is tried again, and when. */
import assert from "node:assert/strict";
import test from "node:test";
import { fullJitter, judge, nextWake, startable } from "../../static/js/models/retry.js";

const post = (id, c, state = "waiting") => ({ id, c, state, client_key: `k${id}` });
const calm = (over = {}) => ({ inFlight: new Set(), notBefore: new Map(), now: 1000, ...over });
const ids = (posts) => posts.map(({ id }) => id);

test("of each conversation only the oldest post may start", () => {
  assert.deepEqual(ids(startable([post(3, 7), post(1, 7), post(2, 9)], calm())), [1, 2]);
});

test("nothing starts in a conversation that has a post in flight", () => {
  assert.deepEqual(ids(startable([post(1, 7), post(2, 9)], calm({ inFlight: new Set([7]) }))), [2]);
});

test("a post that has to wait holds up what follows it in its conversation, and nothing else", () => {
  const notBefore = new Map([[7, 2000]]);
  assert.deepEqual(ids(startable([post(1, 7), post(2, 7), post(3, 9)], calm({ notBefore }))), [3]);
  assert.deepEqual(ids(startable([post(1, 7), post(2, 7)], calm({ notBefore, now: 2000 }))), [1]);
});

test("a refused post does not hold up what follows it", () => {
  assert.deepEqual(ids(startable([post(1, 7, "refused"), post(2, 7)], calm())), [2]);
});

test("the next wake is the soonest waiting time; an endless wait sets no alarm", () => {
  const notBefore = new Map([[7, 4000], [8, 2500], [9, Infinity]]);
  assert.equal(nextWake([post(1, 7), post(2, 8)], { notBefore, now: 1000 }), 1500);
  assert.equal(nextWake([post(1, 9)], { notBefore, now: 1000 }), null);
  assert.equal(nextWake([post(1, 10)], { notBefore, now: 1000 }), null);
});

test("waiting is jittered under a limit that doubles from half a second to thirty", () => {
  const longest = (tries) => fullJitter(tries, () => 1);
  assert.deepEqual([0, 1, 2, 5, 6, 50].map(longest), [500, 1000, 2000, 16000, 30000, 30000]);
  assert.equal(fullJitter(3, () => 0), 0);
});

test("an answer is judged by what can be done about it", () => {
  assert.equal(judge(null), "sent");
  assert.equal(judge({ isTemporary: true }), "retry");
  assert.equal(judge({ code: "refused" }), "refused");
  assert.equal(judge({ isSignedOut: true }), "signedout");
  assert.equal(judge({ code: "csrf" }), "signedout");
});
