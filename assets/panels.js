// One panel: a question, its answer as numbers or a chart, and the same as a table beside it.

import { el, fill, numbers, setText, table } from "./dom.js";
import { bars, drop } from "./charts.js";
import { day, number, span, stamp } from "./format.js";

const ROWS = 500;

function money(value) {
  const digits = Math.abs(value) < 1 && value !== 0 ? 4 : 2;
  return `$${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: digits })}`;
}

export function written(value, unit) {
  if (value === null || value === undefined) return unit === "time" ? "never" : "–";
  if (unit === "%") return `${value.toFixed(1)} %`;
  if (unit === "US dollars") return money(value);
  if (unit === "time") return `${stamp(value)} UTC`;
  return number(value);
}

export function moment(millis, interval) {
  if (interval === "1M") return day(millis).slice(0, 7);
  return interval === "1d" ? day(millis) : stamp(millis);
}

const named = (key, interval) => (typeof key === "number" ? moment(key, interval) : key === "" ? "(empty)" : String(key));

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
    this.node = el("section", { class: `card panel${panel.chart === "events" ? " span" : ""}`, "data-chart": panel.chart, "data-panel": id, "data-state": "loading", "aria-labelledby": `h-${id}` },
      el("h3", { id: `h-${id}` }, panel.title), el("p", { class: "question" }, panel.question),
      this.state, this.body, this.beside, this.note, panel.caveat ? el("p", { class: "caveat" }, panel.caveat) : null);
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
    if (panel.chart === "number") this.numbers(answer.table);
    else if (panel.chart === "bar" || panel.chart === "line") this.draw(answer, range);
    else this.body.replaceChildren();
    this.table(answer);
    this.is("ready", rows.length === 0 ? "Nothing in this time." : "");
  }

  numbers({ columns, rows }) {
    const values = rows[0]?.values ?? [];
    const ago = (value, unit) => (unit === "time" && value !== null ? ` (${span(Date.now() - value)} ago)` : "");
    const plain = (unit, label) => ["%", "US dollars", "time", label].includes(unit);
    this.body.replaceChildren(...columns.map(({ label, unit }, at) => {
      const figure = el("span", { "data-column": label, "data-value": values[at] ?? "" }, written(values[at], unit));
      // What a rate is of stands small below it.
      if (label.endsWith(": of")) return el("p", { class: "of" }, "of ", figure, ` ${unit}`);
      return el("p", { class: "number" }, figure, el("small", {}, ` ${label}${plain(unit, label) ? "" : ` (${unit})`}${ago(values[at] ?? null, unit)}`));
    }));
  }

  draw(answer, range) {
    const { panel } = this;
    const { labels, sets, timed, split } = chartData(answer, panel, range);
    if (sets.length === 0) return this.body.replaceChildren();
    const canvas = el("canvas", { role: "img", "aria-label": `${panel.title}: ${panel.question} The numbers follow in a table.` });
    const box = el("div", { class: "chart" }, canvas);
    const lying = !timed && panel.chart === "bar";
    if (lying) box.style.height = `${Math.min(640, 90 + labels.length * (split || sets.length === 1 ? 26 : 16 * sets.length + 10))}px`;
    this.body.replaceChildren(box);
    const unit = panel.unit;
    this.chart = bars(canvas, {
      labels, sets, lying, unit, line: panel.chart === "line", stacked: split && panel.chart === "bar" && unit !== "%",
      write: (value) => written(value, unit),
    });
  }

  // The same table is filled anew: who reads in it keeps the focus and the place.
  hold(columns) {
    const { panel } = this;
    const key = JSON.stringify(columns);
    if (this.held?.key === key) return this.held.view;
    if (panel.chart === "table" || panel.chart === "events") {
      const view = table(el("table"), columns, null);
      const node = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": panel.title }, view.node);
      this.node.classList.toggle("span", columns.length > 4 || panel.chart === "events");
      this.held = { key, view, node };
    } else this.held = { key, ...numbers(panel.title, columns) };
    this.beside.replaceChildren(this.held.node);
    return this.held.view;
  }

  table({ table: answer, interval }) {
    const { panel } = this;
    const columns = [...answer.keys.map((title) => ({ title })),
      ...answer.columns.map(({ label, unit }) => ({ title: unit === label || unit === "US dollars" || unit === "%" ? label : `${label} (${unit})`, number: true }))];
    const rows = answer.rows.slice(0, ROWS).map(({ keys, values }) =>
      [...keys.map((key, at) => (panel.chart === "events" && at === 0 ? when(key) : named(key, interval))), ...values.map((value, at) => written(value, answer.columns[at].unit))]);
    const aside = [];
    if (answer.other?.documents) aside.push(`${number(answer.other.documents)} ${panel.chart === "events" ? "more events are not listed" : "events are in no row: only the most frequent are listed"}.`);
    if (answer.other?.off_by) aside.push(`Rows may be short by ${number(answer.other.off_by)} events.`);
    if (answer.rows.length > ROWS) aside.push(`${number(answer.rows.length - ROWS)} more rows are not shown.`);
    setText(this.note, aside.join(" "));
    const lone = answer.keys.length === 0 && panel.chart !== "table" && panel.chart !== "events";
    const view = this.hold(lone ? [{ title: "Number" }, { title: "Value", number: true }] : columns);
    fill(view, lone ? answer.columns.map(({ label, unit }, at) => [label, written(answer.rows[0]?.values[at], unit)]) : rows);
    this.held.node.hidden = answer.rows.length === 0;
  }

  end() {
    drop(this.chart);
  }
}
