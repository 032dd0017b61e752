/*
 * One message in the document: made from the page's template, filled, and changed in place when more is known.
 * The element's id is the client key, so the optimistic bubble becomes the real one. The server's sanitised HTML is
 * the only HTML that is ever inserted.
 */
import { clockTime, fileSize, fullTime, gettext } from "../models/language.js";
import { trustServerHtml } from "../trusted.js";
import { hueStep, iconElement } from "./icons.js";
import { showSms } from "./texts.js";

// What a browser shows without running anything; the server says what a file is.
const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

/** Return a new row of a message or of a post that waits (then `n` is missing). */
export function makeRow(message, me) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById("message-template"));
  const row = /** @type {HTMLElement} */ (template.content.firstElementChild.cloneNode(true));
  row.id = message.client_key;
  fillRow(row, message, me);
  return row;
}

/** Bring a row up to what the server says of the message. */
export function fillRow(row, message, me) {
  const { author } = message;
  const isContact = author.kind === "contact";
  Object.assign(row.dataset, { at: message.at, author: `${author.kind ?? "person"}:${author.id}` });
  if (message.n) Object.assign(row.dataset, { n: message.n, seq: message.seq });
  row.classList.toggle("message-contact", isContact);
  row.classList.toggle("message-own", !isContact && author.id === me.id);
  row.classList.toggle("message-pending", !message.n);
  row.classList.remove("message-failed");
  fillAuthor(row, author, isContact);
  showTimes(row);
  showBody(row, message);
  showFiles(row, message);
  showSms(row.querySelector(".message-sms"), message.sms);
  showOutcome(row, null);
  if (message.n) showSeal(row, message);
}

/** Show the row's time as the reader's clock has it. */
export function showTimes(row) {
  const { at } = row.dataset;
  for (const time of row.querySelectorAll("time")) {
    time.dateTime = at;
    time.textContent = clockTime(at);
    time.title = fullTime(at);
  }
  const name = row.querySelector(".message-author").textContent;
  row.setAttribute("aria-label", `${name}, ${clockTime(at)}`);
}

/** Put the tombstone in the place of words that a reviewer removed. */
export function showRemoved(row, reason) {
  showTombstone(row, gettext("Removed after review: %(reason)s. The original stays in the record.", { reason }));
}

function showTombstone(row, text) {
  row.classList.add("message-removed");
  const note = document.createElement("p");
  note.className = "message-tombstone";
  note.append(iconElement("eye-off"), text);
  row.querySelector(".message-body, .message-tombstone").replaceWith(note);
  row.querySelector(".message-files").replaceChildren();
}

/** Say under a post what became of it, with what its author can do; null takes the words away. */
export function showOutcome(row, text, acts = []) {
  const place = row.querySelector(".message-outcome");
  if (!place) return;
  place.hidden = text === null;
  place.replaceChildren(text ?? "", ...acts.map(actButton));
}

/** Return what a row says, for the clipboard and for screen readers. */
export function textOf(row) {
  return row.querySelector(".message-body, .message-tombstone").innerText.trim();
}

/** Return what a screen reader is told of a row: its words and the names of its files. */
export function spokenOf(row) {
  const names = [...row.querySelectorAll(".file-name")].map((name) => name.textContent);
  return [textOf(row), ...names].filter(Boolean).join(", ");
}

function fillAuthor(row, author, isContact) {
  const avatar = row.querySelector(".avatar");
  avatar.textContent = author.initials;
  avatar.dataset.hue = hueStep(author.hue);
  avatar.classList.toggle("avatar-contact", isContact);
  row.querySelector(".message-author").textContent = author.name;
}

function showBody(row, message) {
  if (message.state === "removed") return showRemoved(row, message.removal_reason);
  if (message.state === "disposed") return showTombstone(row, gettext("No longer kept."));
  const body = row.querySelector(".message-body");
  body.classList.toggle("message-plain", !message.html);
  if (message.html) body.innerHTML = trustServerHtml(message.html);
  else body.textContent = message.body;
}

/* The same parts as the template messenger/chat/_files.html. A post that waits has names only. */
function showFiles(row, message) {
  const place = row.querySelector(".message-files");
  const files = message.attachments ?? [];
  place.hidden = files.length === 0;
  place.replaceChildren(...files.map((file) => fileElement(file, message)));
}

function fileElement(file, message) {
  const item = document.createElement("li");
  const address = message.n && `/api/v1/conversations/${message.c}/messages/${message.n}/attachments/${file.id}`;
  const isImage = Boolean(address && file.width && IMAGES.has(file.type));
  const box = address ? Object.assign(document.createElement("a"), { href: address, download: file.name }) : document.createElement("span");
  box.className = isImage ? "file file-image" : "file";
  const picture = isImage ? imageElement(address, file) : iconElement("file-text");
  box.append(picture, labelled("file-name", file.name), labelled("file-size", fileSize(file.size)));
  item.append(box);
  return item;
}

function imageElement(src, { width, height }) {
  const image = document.createElement("img");
  // Before `src`, so that the place is kept before the image is there.
  Object.assign(image, { width, height, alt: "", loading: "lazy", decoding: "async" });
  image.src = src;
  return image;
}

function labelled(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

function showSeal(row, message) {
  const label = gettext("On record, entry %(seq)s", { seq: message.seq });
  const seal = row.querySelector(".message-seal");
  seal.setAttribute("aria-label", label);
  seal.title = label;
  row.querySelector(".message-report").href = `/c/${message.c}/messages/${message.n}/report/`;
}

function actButton({ act, label }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button-link";
  button.dataset.act = act;
  button.textContent = label;
  return button;
}
