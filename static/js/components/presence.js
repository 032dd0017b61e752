/*
 * How the page shows that a colleague is here: a dot on the avatar, and the word for whoever does not see it.
 */
import { gettext } from "../models/language.js";
import { html, nothing } from "../../vendor/ui.js";

/** Return an avatar with the dot of somebody who is here, or the avatar alone. */
export function withDot(avatar, isHere) {
  return html`<span class="presence">${avatar}${isHere ? html`<span class="presence-dot" title=${gettext("Online")} aria-hidden="true"></span>` : nothing}</span>`;
}

/** Return the word that stands after the name of somebody who is here. */
export function spoken(isHere) {
  return isHere ? html`<span class="visually-hidden">${gettext("online")}</span>` : nothing;
}
