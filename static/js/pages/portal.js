// Keeps the portal's pages fresh: an element that carries `data-poll` names an address that tells a state as JSON; when
// the state is not `data-state` any more, the page is loaded again. Without this module a reload by hand does the same.
const PAUSE_MS = 2000;

/** @param {HTMLElement} element */
async function watch(element) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (document.hidden) continue;
    const state = await ask(element.dataset.poll ?? "");
    if (state !== null && state !== element.dataset.state) {
      window.location.reload();
      return;
    }
  }
}

/** @param {string} url @returns {Promise<string | null>} the state, or null when the server could not be asked */
async function ask(url) {
  try {
    const answer = await fetch(url, { headers: { accept: "application/json" }, redirect: "error" });
    return answer.ok ? (await answer.json()).state : null;
  } catch {
    return null;
  }
}

for (const element of document.querySelectorAll("[data-poll]")) {
  watch(/** @type {HTMLElement} */ (element));
}

// On a phone the navigation scrolls sideways: bring the page one is on into sight.
document.querySelector(".side-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
