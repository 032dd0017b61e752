/*
 * What is tried again, and when. Pure: the outbox keeps the posts and the socket the connection, this only judges.
 * A post is {id, client_key, c, body, at, files, state, tries}, `id` grows; state is "waiting" or "refused"; each of its
 * files is {name, type, size, file, upload}, `upload` is null until the server has it.
 */

const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/**
 * Return milliseconds to wait before try number `tries` (0 is the first repetition): full jitter under a doubling limit, so
 * that a thousand clients of a restarted server do not come back in the same second.
 */
export function fullJitter(tries, random = Math.random) {
  const limit = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries, 10));
  return Math.round(random() * limit);
}

/**
 * Return the posts that may start now: the oldest waiting one of each conversation that has none in flight.
 * A refused post does not hold up what follows it; one that only has to wait does, because order is kept.
 */
export function startable(posts, { inFlight, notBefore, now }) {
  const seen = new Set();
  const found = [];
  for (const post of [...posts].sort((a, b) => a.id - b.id)) {
    if (post.state !== "waiting" || seen.has(post.c)) continue;
    seen.add(post.c);
    const mayTry = (notBefore.get(post.c) ?? 0) <= now;
    if (mayTry && !inFlight.has(post.c)) found.push(post);
  }
  return found;
}

/** Return milliseconds until some conversation may be tried again, or null when nothing waits for time. */
export function nextWake(posts, { notBefore, now }) {
  const times = posts.filter((post) => post.state === "waiting").map((post) => notBefore.get(post.c) ?? 0);
  const later = times.filter((time) => time > now && Number.isFinite(time));
  return later.length > 0 ? Math.min(...later) - now : null;
}

/** Say whether a post was refused for its files only, and has them here to be sent up once more. */
export function needsFilesAgain(post, error) {
  return error.field === "attachments" && !post.areFilesAgain && (post.files ?? []).some((file) => file.upload);
}

/** Return what an answer means for a post: "sent", "retry", "signedout" or "refused". */
export function judge(error) {
  if (!error) return "sent";
  if (error.isSignedOut || error.code === "csrf") return "signedout";
  return error.isTemporary ? "retry" : "refused";
}
