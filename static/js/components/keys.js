/*
 * The keyboard: one table of keys, from which both the bindings and the list shown by Ctrl+/ are made.
 */
import { neighbour } from "../models/conversations.js";
import { gettext } from "../models/language.js";
import { html, tinykeys } from "../../vendor/ui.js";
import { showDialog } from "./overlays.js";

const isMac = navigator.platform.startsWith("Mac");
const MOD = isMac ? "⌘" : "Ctrl";

/** Bind the keys of the page. `go(conversation)` opens one; `timeline` and `composer` are null when nothing is open. */
export function startKeys({ store, openSwitcher, go, timeline, composer }) {
  const shortcuts = document.getElementById("shortcuts");
  const step = (count, options) => () => {
    const { conversations, openId } = store.state;
    const target = neighbour(conversations, openId, count, options);
    if (target) go(target);
  };
  const table = [
    { keys: "$mod+k", shown: [MOD, "K"], does: gettext("Jump to a conversation"), act: openSwitcher },
    { keys: "Alt+ArrowUp", shown: ["Alt", "↑"], does: gettext("Conversation above"), act: step(-1) },
    { keys: "Alt+ArrowDown", shown: ["Alt", "↓"], does: gettext("Conversation below"), act: step(1) },
    { keys: "Alt+Shift+ArrowUp", shown: ["Alt", "Shift", "↑"], does: gettext("Unread conversation above"), act: step(-1, { unreadOnly: true }) },
    { keys: "Alt+Shift+ArrowDown", shown: ["Alt", "Shift", "↓"], does: gettext("Unread conversation below"), act: step(1, { unreadOnly: true }) },
    { keys: "F6", shown: ["F6"], does: gettext("Next part of the window"), act: () => focusRegion(1) },
    { keys: "Shift+F6", shown: ["Shift", "F6"], does: gettext("Part before"), act: () => focusRegion(-1) },
    { keys: "$mod+/", shown: [MOD, "/"], does: gettext("This list"), act: () => showKeys(shortcuts, table) },
  ];
  tinykeys(window, Object.fromEntries(table.map(({ keys, act }) => [keys, prevented(act)])));
  if (timeline) bindTimeline({ timeline, composer });
}

/* In the list of messages the arrows walk from message to message; Escape goes back to writing. */
function bindTimeline({ timeline, composer }) {
  const list = document.getElementById("timeline");
  tinykeys(list, { ArrowUp: prevented(() => timeline.focusRow(-1)), ArrowDown: prevented(() => timeline.focusRow(1)) });
  tinykeys(window, {
    Escape() {
      if (document.querySelector("dialog[open], :popover-open")) return;
      composer?.elements.body.focus();
      timeline.jumpToEnd();
    },
  });
}

function focusRegion(step) {
  const regions = ["sidebar", "timeline", "composer-body", "details"].map((id) => document.getElementById(id));
  const shown = regions.filter((region) => region?.checkVisibility());
  const current = shown.findIndex((region) => region.contains(document.activeElement));
  shown.at((current + step + shown.length) % shown.length)?.focus();
}

function showKeys(dialog, table) {
  const rows = [
    ...table,
    { shown: ["Enter"], does: gettext("Send") },
    { shown: ["Shift", "Enter"], does: gettext("New line") },
    { shown: ["↑", "↓"], does: gettext("From message to message, in the list") },
    { shown: ["Esc"], does: gettext("Back to writing") },
  ];
  const row = ({ shown, does }) => html`<dt>${does}</dt><dd>${shown.map((key) => html`<kbd>${key}</kbd> `)}</dd>`;
  showDialog(dialog, { title: gettext("Keys"), body: html`<dl class="keys">${rows.map(row)}</dl>` });
}

function prevented(act) {
  return (event) => {
    event.preventDefault();
    act();
  };
}
