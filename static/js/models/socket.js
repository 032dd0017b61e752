/*
 * The protocol client: one WebSocket that says hello with our cursors, answers pings, and comes back by itself.
 * It translates frames into events and decides only about the connection; what an event means is session.js's.
 */
import { fullJitter } from "./retry.js";

const SUBPROTOCOL = "onrecord.v1";
const PING_MS = 20_000;
const SILENCE_MS = 10_000;
const SESSION_ENDED = 4001;
const SESSION_RENEWED = 4002;
const RENEWED_MS = 1_000;
const MEMBERSHIP_CHANGED = 4003;

export class ChatSocket extends EventTarget {
  #url;
  #cursors;
  #WebSocket;
  #socket = null;
  #tries = 0;
  #retryTimer;
  #pingTimer;
  #silenceTimer;
  #isStopped = false;
  #isWelcome = false;
  #byeMs = null;

  /** `cursors()` returns the cursors for hello. Events: `frame` (detail: frame), `state` (detail: name), `signedout`. */
  constructor({ url, cursors, WebSocketClass = globalThis.WebSocket }) {
    super();
    this.#url = url;
    this.#cursors = cursors;
    this.#WebSocket = WebSocketClass;
  }

  /** Connect now; also ends the wait for a planned retry. */
  open() {
    if (this.#isStopped || this.#socket) return;
    clearTimeout(this.#retryTimer);
    this.#emit("state", "connecting");
    const socket = new this.#WebSocket(this.#url, SUBPROTOCOL);
    this.#socket = socket;
    socket.addEventListener("open", () => this.#write({ t: "hello", v: 1, cursors: this.#cursors() }));
    socket.addEventListener("message", (event) => socket === this.#socket && this.#receive(event.data));
    socket.addEventListener("close", (event) => socket === this.#socket && this.#closed(event.code));
    this.#expectWord();
  }

  /** Close for good. */
  stop() {
    this.#isStopped = true;
    this.#drop();
    clearTimeout(this.#retryTimer);
  }

  /** Send a frame if there is a welcomed connection; return whether it was handed over. */
  send(frame) {
    if (!this.#isWelcome) return false;
    return this.#write(frame);
  }

  /** Ask for the heads at once, for example after the machine slept. */
  ping() {
    if (!this.#isWelcome) return this.open();
    this.#write({ t: "ping" });
    this.#expectWord();
  }

  #write(frame) {
    if (this.#socket?.readyState !== this.#WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #receive(data) {
    clearTimeout(this.#silenceTimer);
    const frame = JSON.parse(data);
    if (frame.t === "welcome") this.#welcomed();
    if (frame.t === "bye") this.#byeMs = frame.reconnect_ms;
    this.#emit("frame", frame);
  }

  #welcomed() {
    this.#isWelcome = true;
    this.#tries = 0;
    clearInterval(this.#pingTimer);
    this.#pingTimer = setInterval(() => this.ping(), PING_MS);
    this.#emit("state", "online");
  }

  /* A half-open connection never says that it is dead: silence after a question does. */
  #expectWord() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#closed(0), SILENCE_MS);
  }

  #closed(code) {
    this.#drop();
    if (this.#isStopped) return;
    if (code === SESSION_ENDED) return this.#emit("signedout", null);
    this.#emit("state", "offline");
    this.#retryTimer = setTimeout(() => this.open(), this.#waitAfter(code));
  }

  /* A server that stops tells each client when to come back, so that they do not all come at once. */
  #waitAfter(code) {
    const byeMs = this.#byeMs;
    this.#byeMs = null;
    if (byeMs !== null) return byeMs;
    // The answer to another page's change of password brings the new cookie: with the old one we would be turned away.
    if (code === SESSION_RENEWED) return RENEWED_MS + fullJitter(this.#tries++);
    if (code === MEMBERSHIP_CHANGED && this.#tries === 0) return this.#tries++;
    return fullJitter(this.#tries++);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#isWelcome = false;
    clearInterval(this.#pingTimer);
    clearTimeout(this.#silenceTimer);
    socket?.close();
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
