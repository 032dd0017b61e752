/*
 * The reader's language: translations of the words that scripts write (Django's JavaScript catalogue where a page has
 * loaded it, the English original otherwise), and times and days as the reader's own clock shows them.
 * Must not change the document.
 */

const GROUP_MS = 5 * 60 * 1000;
const language = globalThis.document?.documentElement.lang || "en";
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const long = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
const longWithYear = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" });
const oneDigit = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

/** Return the translation of a sentence. Names in %(name)s are filled from `values`. */
export function gettext(text, values = {}) {
  const catalogue = globalThis.django?.gettext;
  return fill(catalogue ? catalogue(text) : text, values);
}

/** Return the form of a sentence for a number, which is also available as %(count)s. */
export function ngettext(one, many, count, values = {}) {
  const catalogue = globalThis.django?.ngettext;
  const plural = count === 1 ? one : many;
  return fill(catalogue ? catalogue(one, many, count) : plural, { ...values, count });
}

/** Return hours and minutes. */
export function clockTime(at) {
  return clock.format(new Date(at));
}

/** Return day and time in full, for a tooltip; the exact instant follows. */
export function fullTime(at) {
  return `${full.format(new Date(at))} (${at})`;
}

/** Return the reader's calendar day of an instant as YYYY-MM-DD. */
export function dayOf(at) {
  const date = new Date(at);
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Return the name of a day: today, yesterday, or its date; the year only when it is another one. */
export function dayName(day, now = new Date()) {
  const date = new Date(`${day}T12:00:00`);
  const today = new Date(`${dayOf(now)}T12:00:00`);
  const days = Math.round((date.getTime() - today.getTime()) / 86_400_000);
  if (days === 0 || days === -1) return capitalised(relative.format(days, "day"));
  return (date.getFullYear() === today.getFullYear() ? long : longWithYear).format(date);
}

/** Say whether a message opens a group: another author, another day, or more than five minutes later. */
export function startsGroup(previous, message) {
  if (!previous || previous.author !== message.author) return true;
  const gap = new Date(message.at).getTime() - new Date(previous.at).getTime();
  return gap > GROUP_MS || dayOf(previous.at) !== dayOf(message.at);
}

/** Return a size in the unit that people read it in, as the server's templates write it. */
export function fileSize(bytes) {
  if (bytes < 1024) return ngettext("%(count)s byte", "%(count)s bytes", bytes);
  const [size, unit] = bytes < 1024 * 1024 ? [bytes / 1024, "KB"] : [bytes / 1024 / 1024, "MB"];
  return `${oneDigit.format(size)}\u00a0${unit}`;
}

function fill(text, values) {
  return text.replace(/%\((\w+)\)s/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

function capitalised(text) {
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}
