/*
 * The phone simulator's page: asks for new texts every second while it is visible, and sends answers without a reload.
 * Works on what the server rendered; without this script the page still sends, and shows new texts when it is loaded again.
 */

import { clockTime, fullTime, gettext } from "../models/language.js";

/** @typedef {{ id: string, body: string, at: string, is_sent: boolean }} PhoneText */

const EVERY_MS = 1000;
const NEAR_END_PX = 100;
const phone = /** @type {HTMLElement} */ (document.getElementById("phone"));
const log = /** @type {HTMLElement} */ (document.getElementById("phone-log"));
const empty = /** @type {HTMLElement} */ (document.getElementById("phone-empty"));
const error = /** @type {HTMLElement} */ (document.getElementById("phone-error"));
const form = /** @type {HTMLFormElement} */ (document.getElementById("phone-form"));
const body = /** @type {HTMLInputElement} */ (form.elements.namedItem("body"));
const key = /** @type {HTMLInputElement} */ (form.elements.namedItem("key"));
const pattern = /** @type {HTMLTemplateElement} */ (document.getElementById("phone-text"));

/** @param {Element} node @param {string} selector */
function part(node, selector) {
  return /** @type {HTMLElement} */ (node.querySelector(selector));
}

function isNearEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;
}

/** @param {HTMLTimeElement} time */
function showTime(time) {
  time.textContent = clockTime(time.dateTime);
  time.title = fullTime(time.dateTime);
}

/** @param {PhoneText} text */
function bubble(text) {
  const first = /** @type {HTMLElement} */ (pattern.content.firstElementChild);
  const node = /** @type {HTMLElement} */ (first.cloneNode(true));
  const time = /** @type {HTMLTimeElement} */ (part(node, "time"));
  node.dataset.id = text.id;
  node.classList.toggle("phone-text-sent", text.is_sent);
  part(node, ".phone-text-who").textContent = text.is_sent ? gettext("You:") : gettext("They:");
  part(node, ".phone-text-body").textContent = text.body;
  time.dateTime = text.at;
  showTime(time);
  return node;
}

/** @param {PhoneText[]} texts */
function show(texts) {
  const known = new Set(Array.from(log.querySelectorAll("[data-id]"), (node) => node.getAttribute("data-id")));
  const fresh = texts.filter((text) => !known.has(text.id));
  if (!fresh.length) return;
  const follow = isNearEnd();
  empty.hidden = true;
  log.append(...fresh.map(bubble));
  if (follow) log.scrollTop = log.scrollHeight;
}

async function refresh() {
  const answer = await fetch(phone.dataset.textsUrl ?? "", { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`the phone's texts answered ${answer.status}`);
  show((await answer.json()).texts);
}

/** Return a name for the next text, so that posting it again after a failure is harmless. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {HTMLButtonElement | null} button */
async function send(button) {
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form, button) });
  if (!answer.ok) throw new Error(`the answer was refused with ${answer.status}`);
  key.value = newKey();
  if (button?.name !== "quick") body.value = "";
}

/** @param {SubmitEvent} event */
async function onSubmit(event) {
  event.preventDefault();
  error.textContent = "";
  try {
    await send(/** @type {HTMLButtonElement | null} */ (event.submitter));
    await refresh();
  } catch {
    error.textContent = gettext("The server does not answer. Try again.");
  }
  body.focus();
}

async function poll() {
  if (document.visibilityState === "visible") {
    try {
      await refresh();
    } catch {
      // The server restarts or the network is away: the next round asks again.
    }
  }
  setTimeout(poll, EVERY_MS);
}

for (const time of log.querySelectorAll("time")) showTime(time);
log.scrollTop = log.scrollHeight;
form.addEventListener("submit", onSubmit);
poll();
