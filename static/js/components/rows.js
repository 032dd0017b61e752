/*
 * The order of rows and the lines between them. Works on the list element only: it knows nothing of scrolling,
 * fetching or the store.
 */
import { dayName, dayOf, gettext, startsGroup } from "../models/language.js";

/** Put a row where its number belongs: posts that wait stay at the end. */
export function placeRow(list, row) {
  const n = numberOf(row);
  let before = null;
  for (let other = lastRow(list); other && (other === row || numberOf(other) > n); other = previousRow(other)) {
    if (other !== row) before = other;
  }
  const isThere = row.parentElement === list && nextRow(row) === before;
  if (!isThere) move(list, row, before);
  decorate(row);
  const next = nextRow(row);
  if (next) decorate(next);
}

/** Remove a row with the lines that only it needed. */
export function removeRow(row) {
  const next = nextRow(row);
  dayLineBefore(row)?.remove();
  row.remove();
  if (next) decorate(next);
}

/** Give a row its day line and its place in the group. */
export function decorate(row) {
  const previous = previousRow(row);
  const old = dayLineBefore(row);
  row.classList.toggle("message-start", startsGroup(previous?.dataset, row.dataset));
  const day = dayOf(row.dataset.at);
  if (previous && dayOf(previous.dataset.at) === day) return old?.remove();
  const line = dayLine(day);
  if (old) old.replaceWith(line);
  else (isNewLine(row.previousElementSibling) ? row.previousElementSibling : row).before(line);
}

/** Draw the line above the first message that was not read; there is at most one. */
export function markNewFrom(row) {
  clearNewLine();
  const line = document.createElement("div");
  line.className = "new-line";
  line.id = "new-line";
  line.append(document.createElement("span"));
  line.firstChild.textContent = gettext("New");
  row.before(line);
}

export function clearNewLine() {
  document.getElementById("new-line")?.remove();
}

export function rowsOf(list) {
  return [...list.querySelectorAll(":scope > .message")];
}

export function firstRow(list) {
  return list.querySelector(":scope > .message");
}

export function lastRow(list) {
  const last = list.lastElementChild;
  return !last || isRow(last) ? last : previousRow(last);
}

export function previousRow(row) {
  let other = row.previousElementSibling;
  while (other && !isRow(other)) other = other.previousElementSibling;
  return other;
}

export function nextRow(row) {
  let other = row.nextElementSibling;
  while (other && !isRow(other)) other = other.nextElementSibling;
  return other;
}

/** Return the number of a row; a post without one comes after everything. */
export function numberOf(row) {
  return row.dataset.n ? Number(row.dataset.n) : Infinity;
}

function move(list, row, before) {
  const after = row.parentElement === list ? nextRow(row) : null;
  dayLineBefore(row)?.remove();
  const place = before && isNewLine(before.previousElementSibling) ? before.previousElementSibling : before;
  list.insertBefore(row, (place && dayLineBefore(place)) ?? place);
  if (after) decorate(after);
}

function dayLineBefore(row) {
  const near = row.previousElementSibling;
  const line = isNewLine(near) ? near.previousElementSibling : near;
  return line?.classList.contains("day-line") ? line : null;
}

function dayLine(day) {
  const line = document.createElement("div");
  line.className = "day-line";
  const time = document.createElement("time");
  time.dateTime = day;
  time.textContent = dayName(day);
  line.append(time);
  return line;
}

function isRow(element) {
  return element.classList.contains("message");
}

function isNewLine(element) {
  return element?.id === "new-line";
}
