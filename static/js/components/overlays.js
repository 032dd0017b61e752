/*
 * What lies over the page for a moment: the frame that our dialogs share, and toasts.
 */
import { gettext } from "../models/language.js";
import { html, render } from "../../vendor/ui.js";
import { icon } from "./icons.js";

const SHOWN_MS = 5_000;

/** Draw `body` into a dialog under a title and open it. */
export function showDialog(dialog, { title, body }) {
  const close = () => dialog.close();
  render(
    html`<div class="dialog-header">
        <h2 id="${dialog.id}-title">${title}</h2>
        <button class="button button-quiet button-icon button-small" type="button" aria-label=${gettext("Close")} @click=${close}>${icon("x")}</button>
      </div>
      <div class="dialog-body">${body}</div>`,
    dialog,
  );
  open(dialog);
}

/** Open a dialog in the place of any other; a click beside it closes it. */
export function open(dialog) {
  /** @type {NodeListOf<HTMLDialogElement>} */
  const others = document.querySelectorAll("dialog[open]");
  for (const other of others) if (other !== dialog) other.close();
  if (!dialog.open) dialog.showModal();
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
}

/** Show a sentence about something that just happened; screen readers speak it once. */
export function toast(text) {
  const element = document.createElement("p");
  element.className = "toast";
  element.textContent = text;
  document.getElementById("toasts").append(element);
  setTimeout(() => element.remove(), SHOWN_MS);
}
