// One panel: a question, its answer as numbers or a chart, and the same as a table beside it.

import { el, few, fill, numbers, setText } from "./dom.js";
import { bars, drop } from "./charts.js";
import { day, money, number, span, stamp } from "./format.js";

const ROWS = 500;

// What is so short is read as one.
const SHORT = 110;

export function written(value, unit, largest = value) {
  if (value === null || value === undefined) return unit === "time" ? "never" : "–";
  if (unit === "%") return `${value.toFixed(1)} %`;
  if (unit === "US dollars") return money(value, largest);
  if (unit === "of the currency") return money(value, largest).replace("$", "");
  if (unit === "time") return `${stamp(value)} UTC`;
  return number(value);
}

export function moment(millis, interval) {
  if (interval === "1M") return day(millis).slice(0, 7);
  return interval === "1d" ? day(millis) : stamp(millis);
}

const named = (key, interval) => (typeof key === "number" ? moment(key, interval) : key === "" ? "(empty)" : String(key));

// What a reader must know, its first sentence at once and the rest on demand. Print has all of it.
function mind(text) {
  const end = text.indexOf(". ");
  if (end < 0 || text.length <= SHORT) return el("p", { class: "caveat" }, text);
  return el("details", { class: "caveat" }, el("summary", {}, text.slice(0, end + 1)), el("p", {}, text.slice(end + 2)));
}

// The name of what a share is of: its column follows the share's, as "delivered of sent: of" follows "delivered of sent".
function base(columns, at) {
  const { label, unit } = columns[at];
  const of = columns[at + 1];
  if (of?.label !== `${label}: of`) return null;
  const name = unit === "%" ? label.split(" of ").at(-1) : of.unit;
  return { name, words: name === of.unit || name.includes(of.unit) ? name : `${name} (${of.unit})` };
}

// Where several shares are of the same it stands once, before the first of them, under its own name.
function arranged({ columns, rows }) {
  const [all, bases] = [[], new Map()];
  columns.forEach(({ label, unit }, at) => {
    if (label.endsWith(": of")) return;
    const of = base(columns, at);
    const known = bases.get(of?.name);
    if (of && (known === undefined || rows.some(({ values }) => values[known] !== values[at + 1]))) {
      bases.set(of.name, at + 1);
      all.push({ at: at + 1, title: of.words, unit: columns[at + 1].unit });
    }
    const plain = label.includes(unit) || ["US dollars", "of the currency", "%"].includes(unit);
    all.push({ at, title: plain ? label : `${label} (${unit})`, unit });
  });
  return all.map((column) => ({ ...column, largest: Math.max(...rows.map(({ values }) => Math.abs(values[column.at] ?? 0))) }));
}

// The time of an event to the millisecond, also where an old index keeps it as a number; never broken over lines.
const when = (key) => ({ text: /^\d{12,13}$/.test(key) ? new Date(Number(key)).toISOString() : named(key), class: "when" });

// Every interval of the time that was asked for: where nothing happened there is no bucket, and a gap would hide that.
function moments(interval, { from, to }) {
  const all = [];
  if (interval === "1M") {
    const start = new Date(from);
    let at = Date.UTC(start.getUTCFullYear(), start.getUTCMonth());
    for (let month = 1; at < to; month += 1) {
      all.push(at);
      at = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + month);
    }
    return all;
  }
  const step = { "1m": 60_000, "1h": 3_600_000, "1d": 86_400_000 }[interval];
  for (let at = Math.floor(from / step) * step; at < to; at += step) all.push(at);
  return all;
}

// Categories and sets of a chart: the first key is where, the second (or the column) is what.
function chartData({ table: answer, interval, empty }, panel, range) {
  const timed = Boolean(interval) && answer.rows.every(({ keys }) => typeof keys[0] === "number");
  const places = timed ? moments(interval, range) : [...new Set(answer.rows.map(({ keys }) => keys[0]))];
  const fitting = answer.columns.map((column, at) => at).filter((at) => answer.columns[at].unit === panel.unit);
  const columns = fitting.length ? fitting : answer.columns.map((_, at) => at);
  const at = new Map(places.map((place, index) => [place, index]));
  const set = (label, column) => ({ label, data: places.map(() => empty[column] ?? null) });
  const sets = new Map();
  for (const { keys, values } of answer.rows) {
    if (!at.has(keys[0])) continue;
    for (const column of keys.length > 1 ? columns.slice(0, 1) : columns) {
      const label = keys.length > 1 ? named(keys[1], interval) : answer.columns[column].label;
      if (!sets.has(label)) sets.set(label, set(label, column));
      sets.get(label).data[at.get(keys[0])] = values[column];
    }
  }
  return { labels: places.map((place) => named(place, interval)), sets: [...sets.values()], timed, split: answer.keys.length > 1 };
}

export class View {
  constructor(dashboard, panel) {
    this.panel = panel;
    this.chart = null;
    const id = `${dashboard}/${panel.id}`;
    this.body = el("div", { class: "body" });
    this.state = el("p", { class: "loading" });
    this.beside = el("div");
    this.note = el("p", { class: "about" });
    this.held = null;
    this.node = el("section", { class: `card panel${panel.chart === "events" ? " wide" : ""}`, "data-chart": panel.chart, "data-panel": id, "data-state": "loading", "aria-labelledby": `h-${id}` },
      el("h3", { id: `h-${id}` }, panel.title), el("p", { class: "question" }, panel.question),
      this.state, this.body, this.beside, this.note, panel.caveat ? mind(panel.caveat) : null);
  }

  is(state, text = "", kind = "loading") {
    this.node.dataset.state = state;
    this.state.className = kind;
    setText(this.state, text);
  }

  failed({ error, cure }) {
    const old = this.shown ? ` What is shown is of ${stamp(this.shown)} UTC.` : "";
    this.is("error", `${error}. ${cure ? `What to do: ${cure}.` : ""}${old}`, "trouble");
  }

  clear(text) {
    drop(this.chart);
    this.chart = null;
    this.shown = null;
    this.body.replaceChildren();
    this.beside.replaceChildren();
    this.held = null;
    setText(this.note, "");
    this.is("ready", text);
  }

  show(answer, range) {
    this.shown = Date.now();
    drop(this.chart);
    this.chart = null;
    const { panel } = this;
    const { rows } = answer.table;
    if (panel.chart === "number") return this.numbers(answer.table);
    else if (panel.chart === "bar" || panel.chart === "line") this.draw(answer, range);
    else this.body.replaceChildren();
    this.table(answer);
    this.is("ready", rows.length === 0 ? "Nothing in this time." : "");
  }

  numbers({ columns, rows }) {
    const values = rows[0]?.values ?? [];
    const figure = ({ label, unit }, at) => el("span", { "data-column": label, "data-value": values[at] ?? "" }, written(values[at], unit));
    const all = columns.flatMap((column, at) => {
      const { label, unit } = column;
      if (label.endsWith(": of")) return [];
      const ago = unit === "time" && values[at] ? `, ${span(Date.now() - values[at])} ago` : "";
      const of = base(columns, at);
      const plain = label.includes(unit) || ["%", "US dollars", "time"].includes(unit);
      const what = plain ? label : of || !label.includes(" ") ? `${unit} ${label}` : `${unit}, ${label}`;
      // A share says what it is of: delivered of 7,904 sent.
      const words = !of ? [`${what}${ago}`] : [`${unit === "%" ? what.split(" of ")[0] : `${what},`} of `, figure(columns[at + 1], at + 1), ` ${of.name}`];
      return [el("p", { class: `number${unit === "time" ? " time" : ""}` }, el("b", {}, figure(column, at)), " ", el("span", {}, ...words))];
    });
    this.body.classList.toggle("several", all.length > 1);
    this.body.replaceChildren(...all);
    this.is("ready", rows.length === 0 ? "Nothing in this time." : "");
  }

  draw(answer, range) {
    const { panel } = this;
    const { labels, sets, timed, split } = chartData(answer, panel, range);
    if (sets.length === 0) return this.body.replaceChildren();
    const canvas = el("canvas", { role: "img", "aria-label": `${panel.title}: ${panel.question} The numbers follow in a table.` });
    const lying = !timed && panel.chart === "bar";
    const box = el("div", { class: lying ? "chart" : "chart grow" }, canvas);
    if (lying) box.style.height = `${Math.min(640, 90 + labels.length * (split || sets.length === 1 ? 26 : 16 * sets.length + 10))}px`;
    this.body.replaceChildren(box);
    const unit = panel.unit;
    const largest = Math.max(...sets.flatMap(({ data }) => data.map((value) => Math.abs(value ?? 0))));
    this.chart = bars(canvas, {
      labels, sets, lying, unit, line: panel.chart === "line", stacked: split && panel.chart === "bar" && unit !== "%",
      write: (value) => written(value, unit, largest),
    });
  }

  // The same table is filled anew: who reads in it keeps the focus and the place.
  hold(columns) {
    const { panel } = this;
    const key = JSON.stringify(columns);
    if (this.held?.key === key) return this.held.view;
    const listed = panel.chart === "table" || panel.chart === "events";
    this.node.classList.toggle("wide", panel.chart === "events" || (listed && columns.length > 5));
    this.held = { key, ...(listed ? few : numbers)(panel.title, columns) };
    this.beside.replaceChildren(this.held.node);
    return this.held.view;
  }

  table({ table: answer, interval }) {
    const { panel } = this;
    const rows = answer.rows.slice(0, ROWS);
    const aside = [];
    if (answer.other?.documents) aside.push(`${number(answer.other.documents)} ${panel.chart === "events" ? "more events are not listed" : "events are in no row: only the most frequent are listed"}.`);
    if (answer.other?.off_by) aside.push(`Rows may be short by ${number(answer.other.off_by)} events.`);
    if (answer.rows.length > ROWS) aside.push(`The table has the first ${ROWS} of ${number(answer.rows.length)} rows.`);
    setText(this.note, aside.join(" "));
    if (panel.chart === "events") this.events(answer.keys, rows);
    else this.rows(answer, rows, interval);
    this.held.node.hidden = rows.length === 0;
  }

  rows(answer, rows, interval) {
    const columns = arranged({ columns: answer.columns, rows });
    const view = this.hold([...answer.keys.map((title) => ({ title })), ...columns.map(({ title }) => ({ title, number: true }))]);
    // What a row has in common with the one above it is dimmed, but for its last key, which tells them apart.
    let above = [];
    fill(view, rows.map(({ keys, values }) => {
      let same = true;
      const cells = keys.map((key, at) => {
        same &&= at < keys.length - 1 && above[at] === key;
        return { text: named(key, interval), class: same ? "same" : "" };
      });
      above = keys;
      return [...cells, ...columns.map(({ at, unit, largest }) => written(values[at], unit, largest))];
    }));
  }

  // Documents: members that none of them has are no columns, and long ids may be broken anywhere.
  events(keys, rows) {
    const shown = keys.map((key, at) => at).filter((at) => at === 0 || rows.some(({ keys: all }) => all[at] !== ""));
    const title = (name) => ({ title: name.replace(/^(msg|attributes)\./, ""), hint: name });
    const cell = (key) => (key === "" ? { text: "–", class: "none" } : { text: String(key), class: String(key).length > 22 ? "long" : "" });
    fill(this.hold(shown.map((at) => title(keys[at]))), rows.map(({ keys: all }) => shown.map((at) => (at === 0 ? when(all[0]) : cell(all[at])))));
  }

  end() {
    drop(this.chart);
  }
}
