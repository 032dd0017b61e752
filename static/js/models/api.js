/*
 * Calls to our own API with the CSRF token, and its one shape of failure as a typed error.
 * Must never be given another origin's address.
 */

const BASE = "/api/v1/";
const TIMEOUT_MS = 15_000;
const OFFLINE = { code: "offline", field: null, message: "" };

/** A failure the server named, or `offline` when there was no answer at all. */
export class ApiError extends Error {
  constructor(status, { code, field = null, message = "", reasons = [] }) {
    super(message || code);
    this.status = status;
    this.code = code;
    this.field = field;
    this.reasons = reasons;
  }

  /** No answer, an overloaded or a restarting server: the same call may work later. */
  get isTemporary() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  get isSignedOut() {
    return this.status === 401 || this.code === "not_signed_in";
  }
}

/** Return the JSON of a GET. */
export function get(path, query = {}) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== null));
  return call("GET", search.size > 0 ? `${path}?${search}` : path);
}

/** Return the JSON of a POST. */
export function post(path, body = {}) {
  return call("POST", path, body);
}

/** Call DELETE; there is no answer to return. */
export function remove(path) {
  return call("DELETE", path);
}

async function call(method, path, body) {
  const response = await answerOf(method, path, body);
  const data = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, data?.code ? data : { code: "unexpected", message: response.statusText });
  if (data === null && response.status !== 204) throw new ApiError(0, OFFLINE);
  return data;
}

async function answerOf(method, path, body) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrfToken() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(BASE + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw new ApiError(0, { ...OFFLINE, message: String(error) });
  }
}

function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
}
