// Keeps the portal's pages fresh: an element that carries `data-poll` names an address that tells a state as JSON; when
// the state is not `data-state` any more, the page is loaded again. A progress bar on the page shows the `percent` that
// comes with it. Without this module a reload by hand does the same.
const PAUSE_MS = 2000;

/** @param {HTMLElement} element */
async function watch(element) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (document.hidden) continue;
    const answer = await ask(element.dataset.poll ?? "");
    if (answer === null) continue;
    if (answer.state !== element.dataset.state) {
      window.location.reload();
      return;
    }
    showProgress(answer.percent ?? 0);
  }
}

/** @param {number} percent */
function showProgress(percent) {
  const bar = document.querySelector("progress");
  if (bar) bar.value = percent;
}

/**
 * @param {string} url
 * @returns {Promise<{state: string, percent?: number} | null>} null when the server could not be asked
 */
async function ask(url) {
  try {
    const answer = await fetch(url, { headers: { accept: "application/json" }, redirect: "error" });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

for (const element of document.querySelectorAll("[data-poll]")) {
  watch(/** @type {HTMLElement} */ (element));
}

// On a phone the navigation scrolls sideways: bring the page one is on into sight.
document.querySelector(".side-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
