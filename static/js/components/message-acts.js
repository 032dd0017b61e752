/*
 * What one can do with a message: copy it, report it, see what its seal means, and decide about a post that was refused.
 * One listener for the whole list; the acts are named by data-act.
 */
import { gettext } from "../models/language.js";
import { html, render } from "../../vendor/ui.js";
import { icon } from "./icons.js";
import { textOf } from "./message-row.js";
import { showDialog, toast } from "./overlays.js";

/** Make the acts of all messages live. `outbox` decides about posts; `edit(text, key)` puts words and
 * files back into the composer. */
export function startMessageActs({ root, conversationId, api, outbox, edit, reasons }) {
  const acts = {
    copy: (row) => copy(row),
    seal: (row, button) => showSeal(row, button),
    report: (row) => report({ row, conversationId, api, reasons }),
    retry: (row) => outbox.retry(row.id),
    discard: (row) => outbox.discard(row.id),
    async edit(row) {
      await edit(textOf(row), row.id);
      outbox.discard(row.id);
    },
  };
  root.addEventListener("click", (event) => {
    const target = event.target.closest("[data-act]");
    if (!target || !(target.dataset.act in acts)) return;
    event.preventDefault();
    acts[target.dataset.act](target.closest(".message"), target);
  });
  // A long press on a touch screen asks for the actions: they show while the message has the focus.
  root.addEventListener("contextmenu", (event) => {
    if (event.pointerType !== "touch") return;
    event.preventDefault();
    event.target.closest(".message")?.focus();
  });
  // Seals are reached by Tab only from the message that has the focus, so that Tab does not walk through all of them.
  root.addEventListener("focusin", (event) => {
    for (const seal of root.querySelectorAll('.message-seal[tabindex="0"]')) seal.tabIndex = -1;
    const seal = event.target.closest(".message")?.querySelector(".message-seal");
    if (seal) seal.tabIndex = 0;
  });
}

async function copy(row) {
  try {
    await navigator.clipboard.writeText(textOf(row));
    toast(gettext("Copied"));
  } catch {
    toast(gettext("The browser did not allow copying."));
  }
}

function showSeal(row, button) {
  const popover = document.getElementById("seal-popover");
  const entry = Number(row.dataset.seq).toLocaleString(document.documentElement.lang);
  render(
    html`<h2>${icon("badge-check")}${gettext("On record, entry %(entry)s", { entry })}</h2>
      <p>${gettext("This message was in the firm's signed record before anybody saw it. A signed checkpoint covers it, so a change or a removal would be noticed.")}</p>`,
    popover,
  );
  popover.showPopover();
  placeBeside(popover, button);
}

function placeBeside(popover, button) {
  const { left, bottom, top } = button.getBoundingClientRect();
  const { width, height } = popover.getBoundingClientRect();
  const isRoomBelow = bottom + height + 8 < innerHeight;
  popover.style.setProperty("left", `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`);
  popover.style.setProperty("top", `${isRoomBelow ? bottom + 4 : Math.max(8, top - height - 4)}px`);
}

function report({ row, conversationId, api, reasons }) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("report"));
  const send = async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(event.target));
    try {
      await api.post(`conversations/${conversationId}/messages/${row.dataset.n}/report`, values);
      toast(gettext("Reported. A reviewer will look at it."));
      dialog.close();
    } catch (error) {
      toast(error.code === "offline" ? gettext("There is no connection. Try again.") : error.message);
    }
  };
  showDialog(dialog, { title: gettext("Report a message"), body: reportForm({ row, reasons, send, dialog }) });
}

function reportForm({ row, reasons, send, dialog }) {
  return html`<blockquote class="quote truncate">${textOf(row)}</blockquote>
    <form class="form" @submit=${send}>
      <fieldset class="field field-choices">
        <legend class="field-label">${gettext("What is wrong with it?")}</legend>
        ${reasons.map(([code, name]) => html`<label><input type="radio" name="reason" value=${code} required />${name}</label>`)}
      </fieldset>
      <div class="field">
        <label class="field-label" for="report-comment">${gettext("What should the reviewer know?")} <span class="field-optional">${gettext("(optional)")}</span></label>
        <textarea id="report-comment" name="comment" rows="3" maxlength="1000"></textarea>
      </div>
      <div class="dialog-actions">
        <button class="button" type="button" @click=${() => dialog.close()}>${gettext("Cancel")}</button>
        <button class="button button-primary" type="submit">${gettext("Report")}</button>
      </div>
    </form>`;
}
