/*
 * What has been read and what is said aloud: moves the read marker when the newest message is really in view, draws the
 * *new* line for what came meanwhile, and gives screen readers one summary per message.
 */
import { gettext, ngettext } from "../models/language.js";
import { spokenOf } from "./message-row.js";

const SPOKEN_LETTERS = 200;
const SPOKEN_KEPT = 5;
const SETTLE_MS = 200;

/** Watch the open conversation. `sendRead(n)` tells the server; other tabs of this person hear it through `channel`. */
export function startReader({ store, session, timeline, sendRead, channel, cursor }) {
  const openId = store.state.openId;
  let timer;

  const isReading = () => document.visibilityState === "visible" && document.hasFocus() && timeline.isAtEnd;

  function look() {
    const reading = isReading();
    if (reading !== store.state.isReading) store.change({ isReading: reading });
    const open = store.state.conversations.get(openId);
    if (!reading || !open || (open.unread === 0 && open.read_n >= timeline.lastNumber)) return;
    clearTimeout(timer);
    timer = setTimeout(() => isReading() && mark(), SETTLE_MS);
  }

  function mark() {
    const n = Math.max(cursor(), timeline.lastNumber);
    sendRead(n);
    session.markRead(openId, n);
    channel.postMessage({ c: openId, n });
  }

  timeline.addEventListener("arrived", ({ detail: { row, message } }) => {
    const isMine = row?.classList.contains("message-own");
    if (row && !isMine && !isReading()) timeline.markNew(row);
    if (row && !isMine) speak(row);
    if (isMine && message.n) timeline.clearNew();
    look();
  });
  channel.addEventListener("message", ({ data }) => session.markRead(data.c, data.n));
  for (const name of ["focus", "blur"]) window.addEventListener(name, look);
  for (const name of ["visibilitychange"]) document.addEventListener(name, look);
  timeline.addEventListener("moved", look);
  store.listen(look);
  look();
}

/** Offer the way back to the newest message, with what has come since. */
export function startJumpButton({ timeline, button, label }) {
  let unseen = 0;
  const show = () => {
    if (timeline.isAtEnd) unseen = 0;
    button.hidden = timeline.isAtEnd;
    label.textContent = unseen > 0 ? ngettext("%(count)s new message", "%(count)s new messages", unseen) : gettext("Newest messages");
  };
  timeline.addEventListener("arrived", () => {
    if (!timeline.isAtEnd) unseen += 1;
    show();
  });
  timeline.addEventListener("moved", show);
  button.addEventListener("click", () => timeline.jumpToEnd());
  show();
}

function speak(row) {
  const place = document.getElementById("spoken");
  const line = document.createElement("p");
  const author = row.querySelector(".message-author").textContent;
  line.textContent = `${author}: ${spokenOf(row).slice(0, SPOKEN_LETTERS)}`;
  place.append(line);
  while (place.childElementCount > SPOKEN_KEPT) place.firstElementChild.remove();
}
