// How numbers, sizes, times and spans are written. A number that is not known is a word, never a zero.

export const UNKNOWN = "unknown";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

export function number(value) {
  if (value === null || value === undefined) return UNKNOWN;
  return Math.abs(value) >= 100 || Number.isInteger(value) ? whole.format(value) : fine.format(value);
}

// Dollars with as many decimals as the largest of those beside them can do with: prices of texts are parts of a cent.
export function money(value, largest = value) {
  if (value === null || value === undefined) return UNKNOWN;
  const digits = Math.abs(largest) < 1 ? 4 : 2;
  if (value > 0 && value < 0.5 / 10 ** digits) return `<$${(1 / 10 ** digits).toFixed(digits)}`;
  return `$${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

// A name in so many characters: ids differ at their ends.
export function middle(text, most = 26) {
  if (text.length <= most) return text;
  const end = Math.floor((most - 1) / 2);
  return `${text.slice(0, most - 1 - end)}…${text.slice(-end)}`;
}

export function bytes(value) {
  if (value === null || value === undefined) return UNKNOWN;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) { value /= 1024; at += 1; }
  return `${at === 0 ? whole.format(value) : value.toFixed(1)} ${units[at]}`;
}

// In its two largest units: 59 s, 1 min 1 s, 1 h 1 min, 2 d 3 h.
export function span(millis) {
  if (millis === null || millis === undefined) return UNKNOWN;
  const seconds = Math.max(0, Math.floor(millis / 1000));
  const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(seconds / unit));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${minutes} min ${seconds % 60} s`;
  if (seconds < 86400) return `${hours} h ${minutes % 60} min`;
  return `${days} d ${hours % 24} h`;
}

export function latency(millis) {
  if (millis === null || millis === undefined) return UNKNOWN;
  return millis < 1000 ? `${Math.round(millis)} ms` : `${(millis / 1000).toFixed(1)} s`;
}

export const clock = (millis) => new Date(millis).toISOString().slice(11, 16);
export const seconds = (millis) => new Date(millis).toISOString().slice(11, 19);
export const day = (millis) => new Date(millis).toISOString().slice(0, 10);
export const stamp = (millis) => new Date(millis).toISOString().slice(0, 16).replace("T", " ");
