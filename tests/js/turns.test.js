/* Pages and changes of one list: in turn, and nothing that was told while a page was under way is lost under it. */
import assert from "node:assert/strict";
import test from "node:test";
import { Turns } from "../../static/js/models/turns.js";

function makePage() {
  const page = {};
  page.came = new Promise((resolve, reject) => Object.assign(page, { come: resolve, fail: reject }));
  return page;
}

const settle = () => new Promise((done) => setTimeout(done, 0));

test("what is told while a page is under way is done after it, in its order", async () => {
  const turns = new Turns();
  const done = [];
  const page = makePage();
  turns.tell(() => done.push("before"));
  const placed = turns.take(() => page.came.then(() => done.push("page")));
  await settle();
  turns.tell(() => done.push("first"));
  turns.tell(() => done.push("second"));
  assert.deepEqual(done, ["before"]);
  page.come();
  await placed;
  turns.tell(() => done.push("after"));
  assert.deepEqual(done, ["before", "page", "first", "second", "after"]);
});

test("a page that does not come is told to who asked for it, and holds up nothing", async () => {
  const turns = new Turns();
  const done = [];
  const page = makePage();
  const placed = turns.take(() => page.came);
  const next = turns.take(async () => done.push("next page"));
  await settle();
  turns.tell(() => done.push("told"));
  page.fail(new Error("offline"));
  await assert.rejects(placed, /offline/);
  await next;
  assert.deepEqual(done, ["told", "next page"]);
});

test("one piece of work at a time", async () => {
  const turns = new Turns();
  const done = [];
  const slow = makePage();
  turns.take(() => slow.came.then(() => done.push("slow")));
  const quick = turns.take(async () => done.push("quick"));
  await settle();
  slow.come();
  await quick;
  assert.deepEqual(done, ["slow", "quick"]);
});
