/*
 * The phone simulator's page: asks for new texts every second while it is visible, and sends answers without a reload.
 * Works on what the server rendered; without this script the page still sends, and shows new texts when it is loaded again.
 */

import { clockTime, fullTime, gettext } from "../models/language.js";

const EVERY_MS = 1000;
const NEAR_END_PX = 100;
const phone = document.getElementById("phone");
const log = document.getElementById("phone-log");
const form = document.getElementById("phone-form");
const error = document.getElementById("phone-error");

function isNearEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;
}

function showTime(time) {
  time.textContent = clockTime(time.dateTime);
  time.title = fullTime(time.dateTime);
}

function bubble(text) {
  const node = document.getElementById("phone-text").content.firstElementChild.cloneNode(true);
  node.dataset.id = text.id;
  node.classList.toggle("phone-text-sent", text.is_sent);
  node.querySelector(".phone-text-who").textContent = text.is_sent ? gettext("You:") : gettext("They:");
  node.querySelector(".phone-text-body").textContent = text.body;
  node.querySelector("time").dateTime = text.at;
  showTime(node.querySelector("time"));
  return node;
}

function show(texts) {
  const known = new Set([...log.querySelectorAll("[data-id]")].map((node) => node.dataset.id));
  const fresh = texts.filter((text) => !known.has(text.id));
  if (!fresh.length) return;
  const follow = isNearEnd();
  document.getElementById("phone-empty").hidden = true;
  log.append(...fresh.map(bubble));
  if (follow) log.scrollTop = log.scrollHeight;
}

async function refresh() {
  const answer = await fetch(phone.dataset.textsUrl, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`the phone's texts answered ${answer.status}`);
  const { texts, key } = await answer.json();
  show(texts);
  return key;
}

async function send(submitter) {
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form, submitter) });
  if (!answer.ok) throw new Error(`the answer was refused with ${answer.status}`);
  form.elements.key.value = await refresh();
  if (submitter?.name !== "quick") form.elements.body.value = "";
}

async function onSubmit(event) {
  event.preventDefault();
  error.textContent = "";
  try {
    await send(event.submitter);
  } catch {
    error.textContent = gettext("It was not sent. Try again.");
  }
  form.elements.body.focus();
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
