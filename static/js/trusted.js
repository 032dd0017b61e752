/*
 * The one Trusted Types policy of our pages, for HTML that our own server rendered and sanitised.
 * Never pass it anything that was typed, read from storage or built in the browser.
 */
const policy = globalThis.trustedTypes?.createPolicy("onrecord", { createHTML: (html) => html });

/** Mark sanitised HTML of our server as fit for a DOM sink. */
export function trustServerHtml(html) {
  return policy ? policy.createHTML(html) : html;
}
