/*
 * Calls to our own API with the CSRF token, and its one shape of failure as a typed error.
 * Must never be given another origin's address.
 */

const BASE = "/api/v1/";
const TIMEOUT_MS = 15_000;
const STALLED_MS = 90_000; // longer than a proxy waits for the answer to a file
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

/**
 * Send a file up and return it as it waits for its message; `onProgress(share)` tells how much has gone, from 0 to 1. A
 * connection on which nothing moves for `stalledMs` is given up: a dead one says nothing, and what waits would wait for ever.
 */
export function sendUp(file, { onProgress = (_share) => {}, signal = null, stalledMs = STALLED_MS } = {}) {
  // Not fetch: it does not tell how much has gone.
  const request = new XMLHttpRequest();
  let stalled;
  const expectMore = () => {
    clearTimeout(stalled);
    stalled = setTimeout(() => request.abort(), stalledMs);
  };
  return new Promise((resolve, reject) => {
    request.open("POST", `${BASE}uploads`);
    request.responseType = "json";
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("Content-Disposition", `attachment; filename*=UTF-8''${encoded(file.name)}`);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      expectMore();
      onProgress(total ? loaded / total : 0);
    });
    request.addEventListener("loadend", () => clearTimeout(stalled));
    request.addEventListener("load", () => {
      if (request.status === 201) resolve(request.response);
      else reject(new ApiError(request.status, request.response?.code ? request.response : { code: "unexpected", message: request.statusText }));
    });
    for (const name of ["error", "abort", "timeout"]) request.addEventListener(name, () => reject(new ApiError(0, OFFLINE)));
    signal?.addEventListener("abort", () => request.abort());
    expectMore();
    request.send(file);
  });
}

/* As RFC 5987 has it: encodeURIComponent leaves some characters that mean something there. */
function encoded(name) {
  return encodeURIComponent(name).replace(/['()*!]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
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
