/*
 * The messages of the open conversation: arriving, waiting, older and newer pages, and where the reader's eye stays.
 * At most about 300 rows are in the document; what is cut off at one end is fetched again when scrolled to.
 */
import { Turns } from "../models/turns.js";
import { fillRow, makeRow, showOutcome, showRemoved, showTimes } from "./message-row.js";
import { clearNewLine, decorate, firstRow, lastRow, markNewFrom, nextRow, numberOf, placeRow, previousRow, removeRow, rowsOf } from "./rows.js";
import { showSms } from "./texts.js";

const WINDOW = 300;
const PAGE = 60;
const NEAR_PX = 100;

/** Events: `arrived` {row, message}, `moved` when the place in the list has changed. */
export class Timeline extends EventTarget {
  #root;
  #list;
  #c;
  #me;
  #api;
  #hasOlder;
  #isLive = true;
  #turns = new Turns();

  constructor({ root, conversationId, me, api, hasOlder }) {
    super();
    this.#root = root;
    this.#list = root.querySelector("#rows");
    this.#c = conversationId;
    this.#me = me;
    this.#api = api;
    this.#hasOlder = hasOlder;
    for (const row of rowsOf(this.#list)) showTimes(row);
    for (const row of rowsOf(this.#list)) decorate(row);
    root.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#scrolled();
  }

  /** Within 100 px of the end, with the newest message in the document. */
  get isAtEnd() {
    return this.#isLive && this.#distance < NEAR_PX;
  }

  get lastNumber() {
    const known = rowsOf(this.#list).filter((row) => row.dataset.n);
    return known.length > 0 ? numberOf(known.at(-1)) : 0;
  }

  /** Take a message of the stream, new or known: its row is made, or changed in place. */
  add(message) {
    this.#turns.tell(() => this.#add(message));
  }

  #add(message) {
    const known = this.row(message.client_key);
    if (!known && !this.#isLive) return this.#emit("arrived", { row: null, message });
    const row = known ?? makeRow(message, this.#me);
    this.#change(() => {
      if (known) fillRow(row, message, this.#me);
      else row.classList.add("message-fresh");
      placeRow(this.#list, row);
    });
    this.#trim(rowsOf(this.#list).slice(0, -WINDOW), () => (this.#hasOlder = true));
    if (!known) this.#emit("arrived", { row, message });
  }

  /** Paint a post before it is sent. Writing goes to the end, so the newest page is needed there. */
  async addPending(post) {
    if (this.row(post.client_key)) return;
    if (!this.#isLive) await this.#renew();
    const row = makeRow({ ...post, author: { ...this.#me, kind: "person" }, state: "shown", sms: null }, this.#me);
    placeRow(this.#list, row);
    this.#showEmptiness();
    this.scrollToEnd();
  }

  /** Say what became of a post: refused, or waiting for the connection. */
  setOutcome(clientKey, text, { acts = [], isFailed = false } = {}) {
    const row = this.row(clientKey);
    if (!row || row.dataset.n) return;
    this.#change(() => {
      row.classList.toggle("message-failed", isFailed);
      row.classList.toggle("message-pending", !isFailed);
      showOutcome(row, text, acts);
    });
  }

  /** Take a post that its author gave up out of the list. */
  drop(clientKey) {
    const row = this.row(clientKey);
    if (row && !row.dataset.n) removeRow(row);
  }

  /** A reviewer removed message `n`. */
  removeMessage(n, reason) {
    this.#changeRow(n, (row) => showRemoved(row, reason));
  }

  /** The carrier said something of text `n`. */
  setSms(n, sms) {
    this.#changeRow(n, (row) => showSms(row.querySelector(".message-sms"), sms));
  }

  /** Put the newest page in the place of everything that is numbered; rejects when it does not come. */
  reset() {
    return this.#turns.take(async () => {
      const page = await this.#fetch({});
      for (const row of rowsOf(this.#list)) if (row.dataset.n) removeRow(row);
      this.#place(page.messages);
      this.#hasOlder = page.has_more;
      this.#isLive = true;
      this.scrollToEnd();
    });
  }

  scrollToEnd() {
    this.#root.scrollTop = 0;
    this.#emit("moved", null);
  }

  /** Go to the newest message, fetching it when it is not there. */
  async jumpToEnd() {
    if (!this.#isLive) await this.#renew();
    this.scrollToEnd();
  }

  /** Draw the *new* line above a row, unless one is drawn already. */
  markNew(row) {
    if (!document.getElementById("new-line")) this.#change(() => markNewFrom(row));
  }

  clearNew() {
    this.#change(clearNewLine);
  }

  row(clientKey) {
    const row = document.getElementById(clientKey);
    return row?.parentElement === this.#list ? row : null;
  }

  /** Move the focus by one row; from the list itself to its last row. */
  focusRow(step) {
    const current = document.activeElement.closest?.(".message");
    const target = !current ? lastRow(this.#list) : step < 0 ? previousRow(current) : nextRow(current);
    target?.focus();
  }

  /* The list is reversed: 0 is the end, and older places are negative. */
  get #distance() {
    return Math.abs(this.#root.scrollTop);
  }

  #changeRow(n, change) {
    this.#turns.tell(() => {
      const row = this.#list.querySelector(`:scope > [data-n="${n}"]`);
      if (row) this.#change(() => change(row));
    });
  }

  #scrolled() {
    const { scrollHeight, clientHeight } = this.#root;
    const toTop = scrollHeight - clientHeight - this.#distance;
    if (this.#hasOlder && toTop < clientHeight) this.#serially(() => this.#loadOlder());
    if (!this.#isLive && this.#distance < clientHeight) this.#serially(() => this.#loadNewer());
    this.#emit("moved", null);
  }

  async #loadOlder() {
    const first = firstRow(this.#list);
    if (!this.#hasOlder || !first) return;
    const page = await this.#fetch({ before: numberOf(first) });
    this.#hasOlder = page.has_more;
    this.#keepingPlace(() => this.#place(page.messages));
    this.#trim(rowsOf(this.#list).slice(WINDOW).filter((row) => row.dataset.n), () => (this.#isLive = false));
  }

  async #loadNewer() {
    if (this.#isLive) return;
    const page = await this.#fetch({ after: this.lastNumber });
    this.#keepingPlace(() => this.#place(page.messages));
    this.#isLive = !page.has_newer;
    this.#trim(rowsOf(this.#list).slice(0, -WINDOW), () => (this.#hasOlder = true));
  }

  #place(messages) {
    for (const message of messages) {
      const row = this.row(message.client_key) ?? makeRow(message, this.#me);
      fillRow(row, message, this.#me);
      placeRow(this.#list, row);
    }
    this.#showEmptiness();
  }

  #trim(rows, note) {
    if (rows.length === 0) return;
    this.#keepingPlace(() => rows.forEach(removeRow));
    note();
  }

  /* Changes at the end stay in view for a reader at the end; otherwise nothing moves under the reader's eye. */
  #change(mutate) {
    if (this.isAtEnd) {
      mutate();
      this.scrollToEnd();
    } else {
      this.#keepingPlace(mutate);
    }
    this.#showEmptiness();
  }

  #keepingPlace(mutate) {
    const top = this.#root.getBoundingClientRect().top;
    const anchor = rowsOf(this.#list).find((row) => row.getBoundingClientRect().bottom > top);
    const before = anchor?.getBoundingClientRect().top;
    mutate();
    if (anchor?.isConnected) this.#root.scrollTop += anchor.getBoundingClientRect().top - before;
  }

  #showEmptiness() {
    document.getElementById("timeline-empty").hidden = firstRow(this.#list) !== null;
  }

  #fetch({ before = undefined, after = undefined }) {
    return this.#api.get(`conversations/${this.#c}/messages`, { before, after, limit: PAGE });
  }

  /* One piece of scroll work at a time; a failed one is tried again by the next scroll. */
  #serially(job) {
    return this.#turns.take(job).catch((error) => this.#emit("failed", error));
  }

  #renew() {
    return this.reset().catch((error) => this.#emit("failed", error));
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
