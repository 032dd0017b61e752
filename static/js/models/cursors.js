/*
 * Which numbered event is next, which is old, which shows a gap. One cursor per conversation: the last number that
 * was applied. Pure bookkeeping: it fetches nothing.
 */

export class Cursors {
  #last;

  /** `start` maps conversation to the last number that the page was made with. */
  constructor(start = {}) {
    this.#last = new Map(Object.entries(start).map(([c, n]) => [Number(c), n]));
  }

  get(c) {
    return this.#last.get(c);
  }

  /** Return what to do with event `n`: "apply" (the cursor has moved), "old" or "gap" (it has not). */
  take(c, n) {
    const last = this.#last.get(c);
    if (last !== undefined && n <= last) return "old";
    if (last !== undefined && n > last + 1) return "gap";
    this.#last.set(c, n);
    return "apply";
  }

  /** Move forward, never back: the server has told everything up to `n`. */
  moveTo(c, n) {
    this.#last.set(c, Math.max(n, this.#last.get(c) ?? 0));
  }

  /** Move to where the server is, also back: only its `reset` says so. */
  setBack(c, n) {
    this.#last.set(c, n);
  }

  forget(c) {
    this.#last.delete(c);
  }

  /** Say whether any head is ahead of what we have. */
  isBehind(heads) {
    return heads.some(([c, head]) => head > (this.#last.get(c) ?? 0));
  }

  /** Return one conversation's cursor as the hello frame wants it; nothing of a conversation that has none. */
  only(c) {
    const n = this.#last.get(c);
    return n === undefined ? {} : { [c]: n };
  }
}
