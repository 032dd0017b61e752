/*
 * Files for the message that is being written: chosen, dropped or pasted, sent up at once, shown as chips with their
 * progress. What could not be sent up for want of a connection goes with the post into the outbox.
 */
import { fileSize, gettext } from "../models/language.js";
import { html, nothing, render } from "../../vendor/ui.js";
import { icon } from "./icons.js";
import { toast } from "./overlays.js";

/** What stands in where no file can be sent: a text to a phone carries words only. */
export function refuseFiles({ form, place }) {
  const refuse = () => toast(gettext("Files cannot be sent to a phone: a text message carries words only."));
  listen({ form, place, add: refuse });
  return { isEmpty: true, add: refuse, take: async () => [] };
}

/**
 * Make the composer take files. `limits` is {bytes, most}. Returns `isEmpty`, `add(files)` and `take()`, which waits for
 * what is on its way and hands everything over; it returns null while a file is refused.
 */
export function startAttaching({ form, place, list, api, limits }) {
  let items = [];

  const show = () => {
    form.elements.body.required = items.length === 0;
    list.hidden = items.length === 0;
    render(items.map((item) => chip(item, () => remove(item))), list);
  };

  function add(files) {
    for (const file of files) {
      if (items.length === limits.most) {
        toast(gettext("A message takes at most %(most)s files.", { most: limits.most }));
        break;
      }
      const item = { name: file.name, type: file.type, size: file.size, file: file.file ?? file, upload: null, share: 0, problem: null };
      items = [...items, item];
      if (item.size > limits.bytes) item.problem = gettext("“%(name)s” is larger than %(size)s.", { name: item.name, size: fileSize(limits.bytes) });
      else item.done = sendUp(item);
    }
    show();
  }

  async function sendUp(item) {
    item.stopper = new AbortController();
    const onProgress = (share) => {
      item.share = share;
      show();
    };
    try {
      item.upload = (await api.sendUp(item.file, { onProgress, signal: item.stopper.signal })).id;
      item.share = 1;
      say(gettext("%(name)s is attached.", { name: item.name }));
    } catch (error) {
      if (error.isTemporary) item.share = null;
      else item.problem = error.message;
      if (item.problem) say(item.problem);
    }
    show();
  }

  function remove(item) {
    const next = items[items.indexOf(item) + 1] ?? items[items.indexOf(item) - 1];
    item.stopper?.abort();
    if (item.upload) api.remove(`uploads/${item.upload}`).catch(() => {});
    items = items.filter((other) => other !== item);
    show();
    const button = /** @type {HTMLElement} */ (next ? list.children[items.indexOf(next)].querySelector("button") : form.elements.body);
    button.focus();
  }

  async function take() {
    await Promise.all(items.map((item) => item.done));
    const refused = items.find((item) => item.problem);
    if (refused) {
      toast(gettext("Remove “%(name)s” first: it cannot be sent.", { name: refused.name }));
      return null;
    }
    const taken = items.map(({ name, type, size, file, upload }) => ({ name, type, size, file, upload }));
    items = [];
    show();
    return taken;
  }

  listen({ form, place, add });
  return {
    get isEmpty() {
      return items.length === 0;
    },
    add,
    take,
  };
}

/* For those who do not see the chips. */
function say(words) {
  const line = document.createElement("p");
  line.textContent = words;
  document.getElementById("spoken").append(line);
}

function chip(item, remove) {
  return html`<li class="composer-file ${item.problem ? "composer-file-refused" : ""}">
    ${icon(item.problem ? "triangle-alert" : "file-text")}
    ${item.problem ? nothing : html`<span class="composer-file-name" title=${item.name}>${item.name}</span>`}
    <span class="composer-file-state">${state(item)}</span>
    <button class="button button-quiet button-icon button-small" type="button" aria-label=${gettext("Remove %(name)s", { name: item.name })} @click=${remove}>${icon("x")}</button>
  </li>`;
}

function state({ name, size, share, upload, problem }) {
  if (problem) return problem;
  if (upload) return fileSize(size);
  if (share === null) return gettext("Waits for the connection");
  return html`<progress max="1" .value=${share} aria-label=${gettext("Sending up %(name)s", { name })}></progress>`;
}

/* The three ways in: the button, dropping on the conversation, pasting into the text. */
function listen({ form, place, add }) {
  const { attach: button, files: input } = form.elements;
  if (button && input) {
    button.hidden = false;
    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      add([...input.files]);
      input.value = "";
    });
  }
  form.elements.body.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    add([...event.clipboardData.files]);
  });
  const carriesFiles = (event) => event.dataTransfer.types.includes("Files");
  // Anywhere on the page: a browser would leave the page and show the file instead.
  for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => carriesFiles(event) && event.preventDefault());
  place.addEventListener("dragover", (event) => place.classList.toggle("is-dropping", carriesFiles(event)));
  place.addEventListener("dragleave", (event) => place.contains(event.relatedTarget) || place.classList.remove("is-dropping"));
  place.addEventListener("drop", (event) => {
    place.classList.remove("is-dropping");
    if (carriesFiles(event) && !form.elements.body.disabled) add([...event.dataTransfer.files]);
  });
}
