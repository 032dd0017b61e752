/*
 * Posts that are not acknowledged yet. They survive a closed tab, a lost network and a restarted server.
 * Exactly one tab sends (navigator.locks); the client key makes every repetition harmless. A post leaves the outbox
 * only when the server has acknowledged it, or when its author discards a refused one.
 */
import { fullJitter, judge, needsFilesAgain, nextWake, startable } from "./retry.js";

const LAST_TRY = 10; // after so many tries the waiting times grow no more

/** Stands in for navigator.locks where there is none (a page without HTTPS): this tab sends. */
const NO_LOCKS = { request: (_name, hold) => hold() };

/** Events: `sent` {client_key, c, message}, `refused` post with error, `waiting` and `signedout` {client_key, c}, `discarded`. */
export class Outbox extends EventTarget {
  #store;
  #send;
  #channel;
  #locks;
  #name;
  #isSender = false;
  #inFlight = new Set();
  #notBefore = new Map();
  #timer;

  /** `send(post)` returns the message or throws an ApiError; `store` is a posts store; tabs of one `name` share a channel. */
  constructor({ name, store, send, channel, locks = NO_LOCKS }) {
    super();
    this.#name = name;
    this.#store = store;
    this.#send = send;
    this.#channel = channel;
    this.#locks = locks;
    channel.addEventListener("message", (event) => this.#heard(event.data));
  }

  /** Wait for the right to send, then hold it as long as this page lives. */
  start() {
    this.#locks.request(this.#name, () => {
      this.#isSender = true;
      this.#pump();
      return new Promise(() => {});
    });
  }

  /** Keep a post; resolves once it is stored, and rejects where it cannot be: then nothing is sent. */
  async add(post) {
    await this.#store.add({ ...post, state: "waiting", tries: 0 });
    this.#wake();
  }

  /** Return everything that is kept. */
  posts() {
    return this.#store.all();
  }

  /** Try a refused post again as it is. */
  async retry(clientKey) {
    const post = await this.#store.find(clientKey);
    if (!post) return;
    await this.#store.put({ ...post, state: "waiting", error: null });
    this.#wake();
  }

  /** Give a post up. Only its author may, in so many words. */
  async discard(clientKey) {
    const post = await this.#store.find(clientKey);
    if (post) await this.#store.remove(post.id);
    this.#tell("discarded", { client_key: clientKey });
  }

  /** The network is back: forget the waiting times. */
  hurry() {
    this.#notBefore.clear();
    this.#wake();
  }

  /** Forget everything that is kept here (sign-out). */
  clear() {
    return this.#store.clear();
  }

  #wake() {
    if (this.#isSender) this.#pump();
    else this.#channel.postMessage({ kind: "wake" });
  }

  async #pump() {
    clearTimeout(this.#timer);
    const posts = await this.posts();
    const situation = { inFlight: this.#inFlight, notBefore: this.#notBefore, now: Date.now() };
    for (const post of startable(posts, situation)) this.#attempt(post);
    const wait = nextWake(posts, situation);
    if (wait !== null) this.#timer = setTimeout(() => this.#pump(), wait);
  }

  async #attempt(post) {
    if (this.#inFlight.has(post.c)) return;
    this.#inFlight.add(post.c);
    const [message, error] = await this.#send(post).then(
      (answer) => [answer, null],
      (failure) => [null, failure],
    );
    // A store that fails, full or taken away, must not end the sending: the post is asked about again, with its key.
    await this.#settle(post, { message, error }).catch(() => this.#notBefore.set(post.c, Date.now() + fullJitter(LAST_TRY)));
    this.#inFlight.delete(post.c);
    this.#pump();
  }

  async #settle(post, { message, error }) {
    const verdict = judge(error);
    if (verdict === "sent") await this.#sent(post, message);
    else if (verdict === "refused" && needsFilesAgain(post, error)) await this.#again(post);
    else if (verdict === "refused") await this.#refused(post, error);
    else await this.#later(post, verdict);
  }

  async #sent(post, message) {
    await this.#store.remove(post.id);
    this.#notBefore.delete(post.c);
    this.#tell("sent", { client_key: post.client_key, c: post.c, message });
  }

  /* The files waited too long at the server: they are sent up once more. */
  #again(post) {
    const files = post.files.map((file) => ({ ...file, upload: null }));
    return this.#store.put({ ...post, files, areFilesAgain: true });
  }

  async #refused(post, { code, message, reasons }) {
    const kept = { ...post, state: "refused", error: { code, message, reasons } };
    await this.#store.put(kept);
    this.#tell("refused", kept);
  }

  async #later(post, verdict) {
    await this.#store.put({ ...post, tries: post.tries + 1 });
    const isSignedOut = verdict === "signedout";
    this.#notBefore.set(post.c, isSignedOut ? Infinity : Date.now() + fullJitter(post.tries));
    this.#tell(isSignedOut ? "signedout" : "waiting", { client_key: post.client_key, c: post.c });
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
    this.#channel.postMessage({ kind, detail });
  }

  #heard({ kind, detail }) {
    if (kind !== "wake") this.dispatchEvent(new CustomEvent(kind, { detail }));
    else if (this.#isSender) this.#pump();
  }
}
