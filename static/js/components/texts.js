/*
 * What is special about a client's thread: the state of each text with the reason of a refusal (the same words as the
 * template messenger/chat/_sms_word.html), and, before sending, how many texts it will be and whether it may leave now.
 * The server decides; without its answer there is no preview.
 */
import { gettext, ngettext } from "../models/language.js";
import { html, nothing, render } from "../../vendor/ui.js";
import { iconElement } from "./icons.js";

const PAUSE_MS = 300;
const SENDING = { icon: "clock", word: gettext("Sending") };
const NOT_DELIVERED = { icon: "triangle-alert", word: gettext("Not delivered") };
const STATES = {
  queued: { icon: "clock", word: gettext("Waiting to leave") },
  sent: { icon: "check", word: gettext("Sent") },
  delivered: { icon: "check-check", word: gettext("Delivered to phone") },
  refused: { icon: "ban", word: gettext("Not sent") },
  cancelled: { icon: "circle-x", word: gettext("Cancelled") },
  in_doubt: { icon: "circle-help", word: gettext("Unclear whether sent") },
  undelivered: NOT_DELIVERED,
  failed: NOT_DELIVERED,
  expired: NOT_DELIVERED,
  rejected: NOT_DELIVERED,
};

/** Show the state of a text in `place`; nothing for a message that is not an outbound text. */
export function showSms(place, sms) {
  place.hidden = !sms;
  if (!sms) return place.replaceChildren();
  const { icon, word } = STATES[sms.state] ?? SENDING;
  const state = document.createElement("span");
  state.className = `sms-state sms-state-${sms.state}`;
  state.dataset.state = sms.state;
  state.append(iconElement(icon), word);
  place.replaceChildren(state, ...sms.reasons.map(reasonElement));
}

function reasonElement({ message }) {
  const element = document.createElement("span");
  element.className = "sms-reason";
  element.textContent = message;
  return element;
}

/** Show the preview of what stands in the composer. */
export function startSegments({ form, place, conversationId, api }) {
  const field = form.elements.body;
  let timer;
  let asked = 0;

  async function ask() {
    const body = field.value;
    asked += 1;
    const mine = asked;
    const isEmpty = body.trim() === "";
    const answer = isEmpty ? null : await api.post("sms/preview", { conversation: conversationId, body }).catch(() => null);
    if (mine === asked) render(answer ? preview(answer) : nothing, place);
  }

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  };
  field.addEventListener("input", soon);
  field.addEventListener("changed", soon);
  if (field.value) soon();
}

function preview({ outcome, reasons, segments, encoding }) {
  const size = ngettext("%(count)s text", "%(count)s texts", segments);
  const isSpecial = encoding.toUpperCase().startsWith("UCS");
  return html`<span>${size}${isSpecial ? gettext(", special characters") : nothing}</span>${verdict(outcome, reasons)}`;
}

function verdict(outcome, reasons) {
  const why = reasons.map(({ message }) => message).join(" ");
  if (outcome === "REFUSE") return html`<span class="segments-refused">${gettext("Would not be sent.")} ${why}</span>`;
  if (outcome === "HOLD_UNTIL") return html`<span class="segments-warn">${gettext("Would wait.")} ${why}</span>`;
  if (outcome === "HOLD_FOR_APPROVAL") return html`<span class="segments-warn">${gettext("Needs approval.")} ${why}</span>`;
  return why ? html`<span class="segments-warn">${why}</span>` : nothing;
}
