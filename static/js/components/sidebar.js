/*
 * The list of conversations, drawn from the store: who waits, in which group, which is open. The same markup as the
 * templates _sidebar_group.html and _sidebar_item.html, which the first response holds.
 */
import { grouped } from "../models/conversations.js";
import { gettext, ngettext } from "../models/language.js";
import { html, nothing, render, repeat } from "../../vendor/ui.js";
import { hueStep, icon } from "./icons.js";
import { spoken, withDot } from "./presence.js";

const TITLES = {
  unread: gettext("Unread"),
  spaces: gettext("Spaces"),
  groups: gettext("Groups"),
  direct: gettext("Direct messages"),
  clients: gettext("Clients"),
};
const ICONS = { team: "hash", broadcast: "megaphone", group: "users", client: "smartphone" };

/** Draw the list and keep it true. */
export function startSidebar({ store, place }) {
  let isFirst = true;
  const draw = (state, previous) => {
    if (!isFirst && state.conversations === previous.conversations && state.here === previous.here) return;
    if (isFirst) place.replaceChildren();
    isFirst = false;
    render(list(state), place);
  };
  store.listen(draw);
  draw(store.state, store.state);
}

/** Return what stands before a conversation's name. */
export function mark(conversation) {
  const { kind, title, hue } = conversation;
  if (kind !== "direct") return icon(ICONS[kind], kind === "client" ? "icon-client" : "");
  const initial = title.slice(0, 1).toUpperCase();
  return html`<span class="avatar avatar-tiny" data-hue=${hueStep(hue)} aria-hidden="true">${initial}</span>`;
}

/** Return the badge of a conversation that waits, or nothing. */
export function badge({ unread, mentions, kind }) {
  if (unread === 0) return nothing;
  const isForMe = mentions > 0 || kind === "direct";
  const words = ngettext("%(count)s unread message", "%(count)s unread messages", unread);
  return html`<span class="badge ${isForMe ? "badge-accent" : ""}"><span aria-hidden="true">${unread}</span><span class="visually-hidden">${words}</span></span>`;
}

function list({ conversations, openId, here }) {
  if (conversations.size === 0) return html`<p class="sidebar-empty">${gettext("Nobody has written yet. Begin with the pen above.")}</p>`;
  return repeat(grouped(conversations, openId), ([key]) => key, ([key, members]) => group(key, members, { openId, here }));
}

function group(key, members, shown) {
  return html`<section class="sidebar-group" aria-label=${TITLES[key]}>
    <h2 class="sidebar-title">${TITLES[key]}</h2>
    ${repeat(members, ({ id }) => id, (one) => item(one, shown))}
  </section>`;
}

function item(one, { openId, here }) {
  const isOpen = one.id === openId;
  const isHere = here.has(one.other);
  const className = `sidebar-item ${one.unread > 0 && !isOpen ? "sidebar-item-unread" : ""}`;
  return html`<a class=${className} href="/c/${one.id}/" data-c=${one.id} aria-current=${isOpen ? "page" : nothing}>
    <span class="sidebar-mark">${withDot(mark(one), isHere)}</span>
    <span class="sidebar-name truncate">${one.title}</span>${spoken(isHere)}
    ${isOpen ? nothing : badge(one)}
  </a>`;
}
