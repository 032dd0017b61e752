/*
 * From words to an optimistic bubble to a message of the record: joins the outbox and the timeline of one conversation.
 */
import { gettext } from "../models/language.js";

const ACTS = [
  { act: "edit", label: gettext("Edit") },
  { act: "retry", label: gettext("Try again") },
  { act: "discard", label: gettext("Discard") },
];

/** Show what waits from earlier, follow what becomes of each post; `post(body, files)` begins one, and rejects what cannot be kept. */
export function startPosting({ timeline, outbox, conversationId }) {
  const isHere = ({ c }) => c === conversationId;

  outbox.addEventListener("sent", ({ detail }) => isHere(detail) && timeline.add(detail.message));
  outbox.addEventListener("refused", ({ detail }) => isHere(detail) && showRefused(timeline, detail));
  outbox.addEventListener("discarded", ({ detail }) => timeline.drop(detail.client_key));
  outbox.addEventListener("waiting", ({ detail }) => {
    if (isHere(detail)) timeline.setOutcome(detail.client_key, gettext("Not sent yet, it is tried again by itself."));
  });
  showWaiting({ timeline, outbox, isHere });

  return {
    async post(body, files = []) {
      const entry = { client_key: newKey(), c: conversationId, body, at: new Date().toISOString(), ...(files.length > 0 && { files }) };
      await timeline.addPending(asMessage(entry));
      try {
        await outbox.add(entry);
      } catch (error) {
        timeline.drop(entry.client_key);
        throw error;
      }
    },
  };
}

async function showWaiting({ timeline, outbox, isHere }) {
  const posts = await outbox.posts();
  for (const post of posts.filter(isHere)) {
    await timeline.addPending(asMessage(post));
    if (post.state === "refused") showRefused(timeline, post);
  }
}

/* What waits shows its files by name only: there is nothing to fetch yet. */
function asMessage(post) {
  return { ...post, attachments: post.files ?? [] };
}

function showRefused(timeline, { client_key, error }) {
  const why = error.reasons?.map((reason) => reason.message).join(" ") || error.message;
  timeline.setOutcome(client_key, gettext("Not sent. %(why)s", { why }), { acts: ACTS, isFailed: true });
}

/* randomUUID exists only where the page came over HTTPS or from this machine. */
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
