/*
 * What the page says about itself: the connection, who is typing, and how much waits in the window's title.
 */
import { unreadTotal } from "../models/conversations.js";
import { gettext, ngettext } from "../models/language.js";
import { html, nothing, render } from "../../vendor/ui.js";
import { icon } from "./icons.js";

/* A reconnection of a second is not worth a word. */
const PATIENCE_MS = 2_000;

/** Say when the connection is gone, and what happens to what one writes meanwhile. */
export function startConnectionBanner({ store, place }) {
  let timer = null;
  const draw = () => render(banner(store.state), place);
  // The browser knows at once that the network is gone; the socket notices when a ping is not answered.
  for (const name of ["online", "offline"]) window.addEventListener(name, draw);
  store.listen((state, previous) => {
    if (state.connection === previous.connection && state.isMember === previous.isMember) return;
    if (state.connection === "online" || !state.isMember) {
      clearTimeout(timer);
      timer = null;
      draw();
    } else {
      // Tries that fail in between do not begin the patience again.
      timer ??= setTimeout(draw, PATIENCE_MS);
    }
  });
}

/** Say who is writing in the open conversation. */
export function startTyping({ store, place }) {
  store.listen(({ typing, openId }, previous) => {
    if (typing === previous.typing) return;
    const names = [...typing.values()].filter(({ c }) => c === openId).map(({ name }) => name);
    place.textContent = typingWords(names);
  });
}

/** Keep the number of what waits in the window's title and on the app's icon. */
export function startTitle({ store }) {
  const title = document.title;
  const show = ({ conversations }) => {
    const total = unreadTotal(conversations);
    document.title = total > 0 ? `(${total}) ${title}` : title;
    if (total > 0) navigator.setAppBadge?.(total).catch(() => {});
    else navigator.clearAppBadge?.().catch(() => {});
  };
  store.listen(show);
  show(store.state);
}

function banner({ connection, isMember }) {
  if (!isMember) return html`${icon("lock")}${gettext("You no longer belong to this conversation.")}`;
  if (connection === "online" && navigator.onLine) return nothing;
  const words = navigator.onLine
    ? gettext("Reconnecting… What you write is kept and sent by itself.")
    : gettext("You are offline. What you write is kept and sent when the network is back.");
  return html`${icon(navigator.onLine ? "refresh-cw" : "wifi-off")}${words}`;
}

function typingWords(names) {
  if (names.length === 0) return "";
  if (names.length === 1) return gettext("%(name)s is writing", { name: names[0] });
  return ngettext("%(count)s person is writing", "%(count)s people are writing", names.length);
}
