/*
 * The one store of the chat page: a frozen state, replaced as a whole, and listeners told once per turn.
 * It holds conversations, the connection, who is here and who is typing. Messages live in the document, not here.
 */

/** Return a store. `change(patch)` merges, `listen(fn)` calls back with (state, previous) after changes. */
export function createStore(initial) {
  let state = Object.freeze({ ...initial });
  let told = state;
  let isScheduled = false;
  const listeners = new Set();

  function tell() {
    isScheduled = false;
    const previous = told;
    told = state;
    for (const listener of listeners) listener(state, previous);
  }

  return {
    get state() {
      return state;
    },
    change(patch) {
      const next = typeof patch === "function" ? patch(state) : patch;
      state = Object.freeze({ ...state, ...next });
      if (isScheduled) return;
      isScheduled = true;
      queueMicrotask(tell);
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
