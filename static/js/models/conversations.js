/*
 * What happens to the list of conversations: pure functions from one list to the next.
 * A list is a Map from id to conversation (docs/protocol.md). Nothing here is kept or shown.
 */

const KIND_GROUP = { team: "spaces", broadcast: "spaces", group: "groups", direct: "direct", client: "clients" };
export const GROUP_KEYS = ["unread", "spaces", "groups", "direct", "clients"];

/** Return a Map of conversations from the sidebar's groups or from a list. */
export function byId(conversations) {
  return new Map(conversations.map((conversation) => [conversation.id, conversation]));
}

/** Return the list with one conversation changed; unknown ids change nothing. */
export function changed(list, id, patch) {
  const old = list.get(id);
  return old ? new Map(list).set(id, { ...old, ...patch }) : list;
}

/** Return the list after its person has read up to `n`, on whichever device; a marker never goes back. */
export function afterReading(list, id, n) {
  const old = list.get(id);
  return old ? new Map(list).set(id, bounded({ ...old, read_n: Math.max(old.read_n, n) })) : list;
}

/**
 * Return the list with nothing said or read beyond these heads: a database may have been put back, or a marker lost with
 * the connection on which it was sent.
 */
export function setBack(list, heads) {
  const next = new Map(list);
  for (const [id, head, unread = 0] of heads) {
    const old = list.get(id);
    if (old) next.set(id, { ...old, head: Math.min(old.head, head), read_n: Math.min(old.read_n, head - unread) });
  }
  return next;
}

/** Return the list without a conversation. */
export function without(list, id) {
  const next = new Map(list);
  next.delete(id);
  return next;
}

/* No more can wait than there is after the marker: an answer may have been on its way while something was read. */
function bounded(conversation) {
  const left = Math.max(0, conversation.head - conversation.read_n);
  return { ...conversation, unread: Math.min(conversation.unread, left), mentions: Math.min(conversation.mentions, left) };
}

/**
 * Return the list after a message. Somebody else's words in a conversation that is not being read are unread, unless
 * another device has read them before they came here; the next heads correct the number as the server computes it.
 */
export function afterMessage(list, message, { myId, isReading }) {
  const old = list.get(message.c);
  if (!old || message.n <= old.head) return list;
  const isMine = message.author.kind === "person" && message.author.id === myId;
  const isRead = isMine || isReading || message.n <= old.read_n;
  const unread = isRead ? old.unread : old.unread + 1;
  return changed(list, message.c, { head: message.n, last_at: message.at, unread });
}

/** Return the list with heads applied, and the ids that only one side knows. */
export function afterHeads(list, heads) {
  const next = new Map();
  const unknown = [];
  for (const [id, head, unread, mentions] of heads) {
    const old = list.get(id);
    if (old) next.set(id, bounded({ ...old, head: Math.max(old.head, head), unread, mentions }));
    else unknown.push(id);
  }
  const gone = [...list.keys()].filter((id) => !next.has(id));
  return { list: next, unknown, gone };
}

/** Return a whole list as the server has answered it; what was read while the answer was on its way stays read. */
export function afterAnswer(list, conversations) {
  return byId(conversations.map((one) => bounded({ ...one, read_n: Math.max(one.read_n, list.get(one.id)?.read_n ?? 0) })));
}

/** Return [key, conversations] of each group that has any: unread first, newest first within a group. */
export function grouped(list, openId) {
  const groups = new Map(GROUP_KEYS.map((key) => [key, []]));
  for (const conversation of list.values()) {
    const isWaiting = conversation.unread > 0 && conversation.id !== openId;
    groups.get(isWaiting ? "unread" : KIND_GROUP[conversation.kind]).push(conversation);
  }
  for (const members of groups.values()) members.sort(newestFirst);
  return [...groups].filter(([, members]) => members.length > 0);
}

/** Return the ids in the order in which the sidebar shows them. */
export function shownOrder(list, openId) {
  return grouped(list, openId).flatMap(([, members]) => members.map((member) => member.id));
}

/** Return the conversation `step` places from the open one; only unread ones when asked. */
export function neighbour(list, openId, step, { unreadOnly = false } = {}) {
  const order = shownOrder(list, openId);
  const isWanted = (id) => !unreadOnly || list.get(id).unread > 0;
  const start = order.indexOf(openId);
  const first = start === -1 && step < 0 ? order.length : start;
  for (let index = first + step; index >= 0 && index < order.length; index += step) {
    if (isWanted(order[index])) return list.get(order[index]);
  }
  return null;
}

/** Return how many messages wait in all conversations. */
export function unreadTotal(list) {
  return [...list.values()].reduce((sum, conversation) => sum + conversation.unread, 0);
}

/** Return the conversations whose name holds every word, those whose name begins with the text first. */
export function matching(list, text) {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const name = (conversation) => `${conversation.title} ${conversation.subtitle}`.toLocaleLowerCase();
  const hits = [...list.values()].filter((one) => words.every((word) => name(one).includes(word)));
  const rank = (one) => (words.length > 0 && name(one).startsWith(words[0]) ? 0 : 1);
  return hits.sort((a, b) => rank(a) - rank(b) || b.unread - a.unread || newestFirst(a, b));
}

function newestFirst(a, b) {
  return b.last_at.localeCompare(a.last_at) || b.id - a.id;
}
