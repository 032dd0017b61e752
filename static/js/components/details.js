/*
 * The drawer beside the conversation: shown or hidden, its people kept true, somebody added.
 */
import { gettext, ngettext } from "../models/language.js";
import { html, nothing, render, repeat } from "../../vendor/ui.js";
import { hueStep } from "./icons.js";
import { showDialog, toast } from "./overlays.js";
import { spoken, withDot } from "./presence.js";

const WIDE = matchMedia("(min-width: 68.75em)");
const CLOSED = "onrecord-details-closed";

/** Make the drawer live; returns the function that reads the people again. `members` are those whom the page shows. */
export function startDetails({ store, api, conversationId, members }) {
  const drawer = document.getElementById("details");
  const toggle = document.getElementById("toggle-details");
  startToggle({ drawer, toggle, close: document.getElementById("close-details") });

  const people = document.getElementById("people");
  let shown = members;
  let isFirst = true;
  const draw = () => {
    // What the server's template put there makes room once; from then on Lit owns the list.
    if (isFirst) people.replaceChildren();
    isFirst = false;
    render(repeat(shown, ({ id }) => id, (member) => person(member, store.state)), people);
    document.getElementById("people-title").textContent = ngettext("%(count)s person", "%(count)s people", shown.length);
    toggle.querySelector("span").textContent = shown.length;
  };
  const show = (fresh) => {
    shown = fresh;
    draw();
  };
  store.listen((state, previous) => state.here !== previous.here && draw());
  const refresh = async () => {
    const conversation = await api.get(`conversations/${conversationId}`).catch(() => null);
    if (!conversation) return;
    show(conversation.members);
    if (conversation.contact) showConsent(conversation.contact);
  };
  startAdding({ api, conversationId, show, isSpace: ["team", "broadcast"].includes(store.state.conversations.get(conversationId).kind) });
  return refresh;
}

/* The server's template holds a chip for each state; one of them shows. */
function showConsent({ consent }) {
  for (const chip of document.querySelectorAll("[data-consent]")) chip.toggleAttribute("hidden", chip.getAttribute("data-consent") !== consent);
}

function startToggle({ drawer, toggle, close }) {
  const isOpen = () => drawer.checkVisibility();
  const show = (wanted) => {
    drawer.classList.toggle("details-open", wanted && !WIDE.matches);
    drawer.classList.toggle("details-closed", !wanted);
    if (WIDE.matches) remember(wanted);
    toggle.setAttribute("aria-expanded", isOpen());
  };
  toggle.setAttribute("role", "button");
  if (WIDE.matches && isRememberedClosed()) show(false);
  toggle.setAttribute("aria-expanded", isOpen());
  const bind = (element, wanted) =>
    element.addEventListener("click", (event) => {
      event.preventDefault();
      show(wanted());
      (isOpen() ? drawer : toggle).focus();
    });
  bind(toggle, () => !isOpen());
  bind(close, () => false);
}

function startAdding({ api, conversationId, show: showMembers, isSpace }) {
  const button = document.getElementById("add-person");
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("people-dialog"));
  if (!button) return;
  button.hidden = false;
  // As membership.add_member has it: spaces show their history to whoever joins, groups do not.
  const note = isSpace
    ? gettext("Whoever is added can read everything in this space.")
    : gettext("Whoever is added reads from now on, not what was said before.");
  let text = "";
  const add = async (id) => {
    try {
      const conversation = await api.post(`conversations/${conversationId}/members`, { person: id });
      showMembers(conversation.members);
      dialog.close();
    } catch (error) {
      toast(error.message);
    }
  };
  const search = async (event) => {
    text = event.target.value;
    const mine = text;
    const { results } = await api.get("people", { q: text }).catch(() => ({ results: [] }));
    if (mine === text) show(results);
  };
  const show = (results) => showDialog(dialog, { title: gettext("Add somebody"), body: picker({ results, search, add, text, note }) });
  button.addEventListener("click", () => {
    text = "";
    show([]);
    search({ target: { value: "" } });
  });
}

function picker({ results, search, add, text, note }) {
  return html`<input class="control" type="search" aria-label=${gettext("Name of a colleague")} placeholder=${gettext("Name of a colleague")} autocomplete="off" .value=${text} @input=${search} />
    <div class="picker">
      ${repeat(results, ({ id }) => id, (one) => html`<button class="menu-item" type="button" @click=${() => add(one.id)}>${avatar(one)}<span class="truncate">${one.name}</span></button>`)}
      ${results.length === 0 ? html`<p class="muted">${gettext("Nobody of this name.")}</p>` : nothing}
    </div>
    <p class="small muted">${note}</p>`;
}

function person(member, { me, here }) {
  const isMe = member.id === me.id;
  const isHere = here.has(member.id);
  return html`<li class="person" data-person=${member.id}>${withDot(avatar(member), isHere)}<span class="truncate">${member.name}${isMe ? html` <span class="muted">${gettext("(you)")}</span>` : nothing}</span>${spoken(isHere)}${member.role === "owner" ? html`<span class="chip">${gettext("Owner")}</span>` : nothing}</li>`;
}

function avatar({ hue, initials }) {
  return html`<span class="avatar avatar-small" data-hue=${hueStep(hue)} aria-hidden="true">${initials}</span>`;
}

function remember(isOpen) {
  try {
    if (isOpen) localStorage.removeItem(CLOSED);
    else localStorage.setItem(CLOSED, "1");
  } catch {
    // Without storage the drawer opens again on the next page.
  }
}

function isRememberedClosed() {
  try {
    return localStorage.getItem(CLOSED) !== null;
  } catch {
    return false;
  }
}
