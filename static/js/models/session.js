/*
 * What frames and events mean for this page: gaps are filled by sync, heads correct the list, the open conversation's
 * events go to the timeline. The only place that moves cursors. Must not touch the document.
 */
import * as lists from "./conversations.js";

const TOO_FAR = 200;
const TYPING_MS = 5_000;

export class Session extends EventTarget {
  #store;
  #cursors;
  #api;
  #timeline;
  #isSyncing = false;
  #isSyncWanted = false;
  #learning = null;

  /** `timeline` takes the open conversation's events: add, removeMessage, setSms, reset; null when none is open. */
  constructor({ store, cursors, api, timeline }) {
    super();
    this.#store = store;
    this.#cursors = cursors;
    this.#api = api;
    this.#timeline = timeline;
  }

  /** Take one frame of the socket. */
  take(frame) {
    if (frame.t === "ev") this.#takeEvent(frame);
    else if (frame.t === "welcome") this.#takeWelcome(frame);
    else if (frame.t === "pong" && this.#cursors.isBehind(frame.heads)) this.sync();
    else if (frame.t === "eph" && frame.kind === "typing") this.#takeTyping(frame);
    else if (frame.t === "eph" && frame.kind === "read") this.markRead(frame.c, frame.n);
    else if (frame.t === "eph" && frame.kind === "presence") this.#takePresence(frame);
    else if (frame.t === "reset") this.#takeReset(frame);
  }

  /** Fetch what we missed. Calls while one runs make it run once more. */
  async sync() {
    this.#isSyncWanted = true;
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    try {
      while (this.#isSyncWanted) {
        this.#isSyncWanted = false;
        await this.#syncOnce();
      }
    } catch (error) {
      // The next pong or welcome shows the same gap; only a lost session needs an answer now.
      if (error.isSignedOut) this.dispatchEvent(new CustomEvent("signedout"));
    } finally {
      this.#isSyncing = false;
    }
  }

  /** Another tab, another device or this one has read up to `n`. */
  markRead(c, n) {
    this.#store.change(({ conversations }) => ({ conversations: lists.afterReading(conversations, c, n) }));
  }

  #takeEvent(event) {
    const verdict = this.#cursors.take(event.c, event.n);
    if (verdict === "gap") this.sync();
    if (verdict === "apply") this.#apply(event);
  }

  #takeWelcome({ heads, limits, build }) {
    this.#store.change(({ conversations }) => ({ limits, serverBuild: build, conversations: lists.setBack(conversations, heads) }));
    // Hello named the open conversation only: every other one goes on from its head, which a database that was put back
    // has further behind.
    for (const [c, head] of heads) if (c !== this.#openId) this.#cursors.setBack(c, head);
    this.#applyHeads(heads);
    const open = heads.find(([c]) => c === this.#openId);
    if (open && open[1] - this.#cursors.get(open[0]) > TOO_FAR) this.sync();
  }

  #apply(event) {
    const { state } = this.#store;
    if (!state.conversations.has(event.c)) return void this.#learnConversations();
    if (event.kind === "message.created") this.#applyMessage(event.message);
    if (event.c !== this.#openId) return;
    if (event.kind === "message.removed") this.#timeline.removeMessage(event.target, event.reason);
    if (event.kind === "sms.status") this.#timeline.setSms(event.target, event.sms);
    if (event.kind.startsWith("membership.")) this.dispatchEvent(new CustomEvent("membership"));
  }

  #applyMessage(message) {
    const { conversations, me, isReading } = this.#store.state;
    const isOpen = message.c === this.#openId;
    const reading = { myId: me.id, isReading: isOpen && isReading };
    this.#store.change({ conversations: lists.afterMessage(conversations, message, reading) });
    this.#stopTyping(message.c, message.author.id);
    if (isOpen) this.#timeline.add(message);
    // What a client writes may change whether they may be texted.
    if (isOpen && message.author.kind === "contact") this.dispatchEvent(new CustomEvent("contact"));
  }

  async #syncOnce() {
    let isLimited = true;
    while (isLimited) {
      const answer = await this.#api.get("sync", { after: this.#openCursor() });
      if (await this.#isTooFar(answer)) return this.#applyHeads(answer.heads);
      for (const event of answer.events) {
        if (event.n <= (this.#cursors.get(event.c) ?? 0)) continue;
        this.#cursors.moveTo(event.c, event.n);
        this.#apply(event);
      }
      this.#applyHeads(answer.heads);
      for (const [c, head] of answer.reset ?? []) this.#takeReset({ c, head });
      isLimited = answer.limited && answer.events.length > 0;
    }
  }

  /* After a long absence the newest page is worth more than every event since. */
  async #isTooFar({ heads }) {
    const open = heads.find(([c]) => c === this.#openId);
    if (!open || open[1] - this.#cursors.get(open[0]) <= TOO_FAR) return false;
    await this.#timeline.reset();
    this.#cursors.moveTo(open[0], open[1]);
    return true;
  }

  /* Only the open conversation's events are shown; of the others the heads tell all that the list shows. */
  #applyHeads(heads) {
    const { conversations } = this.#store.state;
    const { list, unknown, gone } = lists.afterHeads(conversations, heads);
    for (const [c, head] of heads) if (c !== this.#openId) this.#cursors.moveTo(c, head);
    for (const c of gone) this.#cursors.forget(c);
    this.#store.change({ conversations: list, isMember: this.#openId === null || list.has(this.#openId) });
    if (unknown.length > 0) this.#learnConversations();
  }

  /* A new conversation may tell its whole history, event by event: one question at a time is enough. */
  #learnConversations() {
    this.#learning ??= this.#askConversations().finally(() => (this.#learning = null));
  }

  async #askConversations() {
    const { results } = await this.#api.get("conversations").catch(() => ({ results: null }));
    if (!results) return;
    const list = lists.afterAnswer(this.#store.state.conversations, results);
    const wasMember = this.#store.state.isMember;
    for (const { id, head } of results) if (id !== this.#openId || !wasMember) this.#cursors.moveTo(id, head);
    const isMember = this.#openId === null || list.has(this.#openId);
    this.#store.change({ conversations: list, isMember });
    // Without the page nothing of the conversation is here: the next event or pong shows a gap.
    if (isMember && !wasMember) await this.#timeline.reset().catch(() => this.#cursors.setBack(this.#openId, 0));
  }

  #takeTyping({ c, person }) {
    const { typing, me } = this.#store.state;
    if (person.id === me.id) return;
    this.#store.change({ typing: new Map(typing).set(`${c}:${person.id}`, { c, name: person.name, until: Date.now() + TYPING_MS }) });
    setTimeout(() => this.#dropOldTyping(), TYPING_MS + 50);
  }

  #takePresence({ whole, here, gone }) {
    const next = new Set(whole ? here : [...this.#store.state.here, ...here]);
    for (const id of gone) next.delete(id);
    this.#store.change({ here: next });
  }

  /* What we have of this conversation is not what the server has: its newest page takes the place of ours. */
  async #takeReset({ c, head }) {
    if (c !== this.#openId) return this.#cursors.setBack(c, head);
    // A page that does not come leaves the cursor where it was: the next hello is told the same again.
    const isThere = await this.#timeline.reset().then(() => true, () => false);
    if (!isThere) return;
    this.#cursors.setBack(c, head);
    this.#store.change(({ conversations }) => ({ conversations: lists.setBack(conversations, [[c, head]]) }));
    this.sync();
  }

  #stopTyping(c, personId) {
    const { typing } = this.#store.state;
    const key = `${c}:${personId}`;
    if (typing.has(key)) this.#store.change({ typing: lists.without(typing, key) });
  }

  #dropOldTyping() {
    const now = Date.now();
    const fresh = [...this.#store.state.typing].filter(([, typist]) => typist.until > now);
    this.#store.change({ typing: new Map(fresh) });
  }

  #openCursor() {
    return this.#openId === null ? "" : `${this.#openId}:${this.#cursors.get(this.#openId) ?? 0}`;
  }

  get #openId() {
    return this.#store.state.openId;
  }
}
