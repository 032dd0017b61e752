/*
 * Signing out leaves nothing of the person on this device: drafts and outbox are emptied. Posts that are not sent yet
 * are lost then, so the person is asked first.
 */
import { clearDrafts } from "./composer.js";
import { gettext, ngettext } from "../models/language.js";
import { html } from "../../vendor/ui.js";
import { showDialog } from "./overlays.js";

/** Watch the sign-out form. */
export function startSignOut({ outbox }) {
  /** @type {HTMLFormElement | null} */
  const form = document.querySelector('form[action="/accounts/logout/"]');
  const dialog = document.getElementById("sign-out-dialog");
  // Whatever the browser's storage does: who wants to leave leaves.
  const leave = async () => {
    clearDrafts();
    await outbox.clear().catch(() => {});
    form.submit();
  };
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const waiting = (await outbox.posts().catch(() => [])).length;
    if (waiting === 0) return leave();
    showDialog(dialog, { title: gettext("Sign out now?"), body: question({ waiting, leave, dialog }) });
  });
}

function question({ waiting, leave, dialog }) {
  const words = ngettext("%(count)s message has not been sent yet and would be lost.", "%(count)s messages have not been sent yet and would be lost.", waiting);
  return html`<p>${words}</p>
    <div class="dialog-actions">
      <button class="button" type="button" @click=${() => dialog.close()}>${gettext("Stay")}</button>
      <button class="button button-danger" type="button" @click=${leave}>${gettext("Sign out and discard")}</button>
    </div>`;
}
