/* A clock that a test moves by hand. Node's own mock of timers differs from one release to the next. */

export function takeOverTimers(t) {
  const kept = { setTimeout, setInterval, clearTimeout, clearInterval };
  const due = new Map();
  let now = 0;
  let last = 0;

  function add(act, wait, every) {
    due.set((last += 1), { act, at: now + wait, every });
    return last;
  }

  function nextUntil(end) {
    const waiting = [...due].filter(([, timer]) => timer.at <= end);
    return waiting.sort(([, a], [, b]) => a.at - b.at)[0];
  }

  globalThis.setTimeout = (act, wait = 0) => add(act, wait, null);
  globalThis.setInterval = (act, wait) => add(act, wait, wait);
  globalThis.clearTimeout = globalThis.clearInterval = (id) => due.delete(id);
  t.after(() => Object.assign(globalThis, kept));

  return function tick(milliseconds) {
    const end = now + milliseconds;
    for (let next = nextUntil(end); next; next = nextUntil(end)) {
      const [id, timer] = next;
      now = timer.at;
      if (timer.every === null) due.delete(id);
      else timer.at += timer.every;
      timer.act();
    }
    now = end;
  };
}
