/*
 * Icons of the sprite, as Lit templates and as elements. The sprite's address is read from the page, because it is hashed.
 */
import { html } from "../../vendor/ui.js";

const SVG = "http://www.w3.org/2000/svg";
const sprite = document.querySelector("use")?.getAttribute("href").split("#")[0] ?? "";

/** Return a Lit template of an icon. */
export function icon(name, className = "") {
  return html`<svg class="icon ${className}" aria-hidden="true"><use href="${sprite}#${name}"></use></svg>`;
}

/** Return an element of an icon. */
export function iconElement(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

/** Return the step of the hue circle that the stylesheet knows, as the server's template does. */
export function hueStep(hue) {
  return String(hue).padStart(3, "0").slice(0, 2);
}
