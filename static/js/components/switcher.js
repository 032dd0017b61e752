/*
 * Ctrl+K: type a few letters of a conversation's name, Enter goes there. A combobox with a list, as ARIA describes it.
 */
import { matching } from "../models/conversations.js";
import { gettext } from "../models/language.js";
import { html, nothing, render, repeat } from "../../vendor/ui.js";
import { open } from "./overlays.js";
import { badge, mark } from "./sidebar.js";

const SHOWN = 30;

/** Make the switcher live; returns the function that opens it. */
export function startSwitcher({ dialog, store, go }) {
  let chosen = 0;
  let text = "";

  const hits = () => matching(store.state.conversations, text).slice(0, SHOWN);
  const choose = (one) => {
    dialog.close();
    go(one);
  };

  function move(step) {
    const { length } = hits();
    if (length > 0) chosen = (chosen + step + length) % length;
    draw();
    dialog.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }

  function pressed(event) {
    const keys = { ArrowDown: () => move(1), ArrowUp: () => move(-1), Enter: () => hits()[chosen] && choose(hits()[chosen]) };
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  }

  function typed(event) {
    text = event.target.value;
    chosen = 0;
    draw();
  }

  function draw() {
    const found = hits();
    const active = found[chosen] ? `switch-${found[chosen].id}` : nothing;
    render(
      html`<input class="switcher-input" type="text" role="combobox" aria-expanded="true" aria-controls="switcher-list" aria-autocomplete="list"
          aria-activedescendant=${active} aria-label=${gettext("Name of a conversation")} placeholder=${gettext("Jump to…")} autocomplete="off" spellcheck="false" .value=${text} @input=${typed} @keydown=${pressed} />
        <div class="switcher-list" id="switcher-list" role="listbox" aria-label=${gettext("Conversations")}>
          ${repeat(found, ({ id }) => id, (one, index) => option({ one, isChosen: index === chosen, choose }))}
        </div>
        ${found.length === 0 ? html`<p class="switcher-none" role="status">${gettext("No conversation has this name.")} <a href="/new/">${gettext("Begin a new one")}</a></p>` : nothing}`,
      dialog,
    );
  }

  return () => {
    text = "";
    chosen = 0;
    draw();
    open(dialog);
    dialog.querySelector("input").focus();
  };
}

function option({ one, isChosen, choose }) {
  return html`<div class="switcher-option" id="switch-${one.id}" role="option" aria-selected=${isChosen} @click=${() => choose(one)}>
    <span class="sidebar-mark">${mark(one)}</span><span class="truncate">${one.title}</span>${badge(one)}
  </div>`;
}
