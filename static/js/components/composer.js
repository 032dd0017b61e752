/*
 * Where one writes: Enter sends, Shift+Enter makes a line, the draft is kept, others see that one is writing.
 * The post is painted before it is sent, and leaves through the outbox.
 */
import { gettext } from "../models/language.js";
import { toast } from "./overlays.js";

const TYPING_EVERY_MS = 3_000;
const DRAFT_PREFIX = "onrecord-draft:";

/**
 * Make the composer live. `post(body, files)` paints and keeps what was written; `typing()` tells the others; `attaching`
 * has the files.
 */
export function startComposer({ form, store, post, typing, attaching }) {
  const field = form.elements.body;
  const { me, openId } = store.state;
  let lastTyping = 0;
  let isTaking = false;

  field.value ||= readDraft(me.id, openId);
  grow(field);

  field.addEventListener("input", () => {
    grow(field);
    keepDraft(me.id, openId, field.value);
    if (field.value.trim() === "" || Date.now() - lastTyping < TYPING_EVERY_MS) return;
    lastTyping = Date.now();
    typing();
  });
  field.addEventListener("keydown", (event) => {
    // A key of an input method (isComposing) finishes a word, not the message.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || isTouch()) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isTaking || (field.value.trim() === "" && attaching.isEmpty)) return;
    const words = tooLong(field.value, store.state.limits);
    if (words) return toast(words);
    isTaking = true;
    const files = await attaching.take();
    isTaking = false;
    if (!files) return;
    const text = field.value.trimEnd();
    post(text, files).catch(() => giveBack(text, files));
    lastTyping = 0;
    setText({ form, store, text: "" });
  });
  /* The browser keeps nothing more (its storage is full): what was written must not be gone as well. */
  function giveBack(text, files) {
    toast(gettext("This could not be kept on this device, and was not sent. Try again."));
    setText({ form, store, text: [text, field.value].filter(Boolean).join("\n") });
    if (files.length > 0) attaching.add(files);
  }

  store.listen(({ isMember }) => {
    for (const element of form.elements) element.disabled = !isMember;
  });
}

/** Put text into the composer, for example of a post that was refused. */
export function setText({ form, store, text }) {
  const field = form.elements.body;
  field.value = text;
  grow(field);
  keepDraft(store.state.me.id, store.state.openId, text);
  field.dispatchEvent(new CustomEvent("changed", { bubbles: true }));
  field.focus();
}

/** Remove every draft of everybody on this device. */
export function clearDrafts() {
  try {
    const keys = Object.keys(localStorage).filter((name) => name.startsWith(DRAFT_PREFIX));
    for (const name of keys) localStorage.removeItem(name);
  } catch {
    // Without storage there is nothing to remove.
  }
}

function tooLong(text, { body_bytes }) {
  const size = new TextEncoder().encode(text).length;
  if (size <= body_bytes) return null;
  return gettext("This is too long for one message: %(size)s of %(limit)s bytes. Split it in two.", { size, limit: body_bytes });
}

/* Browsers with field-sizing do this themselves. */
function grow(field) {
  if (CSS.supports("field-sizing", "content")) return;
  field.style.setProperty("block-size", "auto");
  field.style.setProperty("block-size", `${field.scrollHeight}px`);
}

/* On a phone Enter makes a line; the button sends. */
function isTouch() {
  return matchMedia("(pointer: coarse) and (hover: none)").matches;
}

/* Storage may be full or forbidden: then drafts are not kept. */
function readDraft(personId, c) {
  try {
    return localStorage.getItem(draftKey(personId, c)) ?? "";
  } catch {
    return "";
  }
}

function keepDraft(personId, c, text) {
  try {
    if (text.trim() === "") localStorage.removeItem(draftKey(personId, c));
    else localStorage.setItem(draftKey(personId, c), text);
  } catch {
    // The text is still in the composer.
  }
}

function draftKey(personId, c) {
  return `${DRAFT_PREFIX}${personId}:${c}`;
}
