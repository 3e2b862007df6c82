// The Pipeline tab: a stream of states, one a second, and the last hour before them.

import { byId, el, fill, numbers, setText, table } from "./dom.js";
import { draw, lines } from "./charts.js";
import { bytes, clock, latency, number, seconds, span, stamp } from "./format.js";
import { learn, locked } from "./session.js";

// A state comes each second; after this long without one the connection counts as lost.
const SILENCE = 4000;
const AGAIN = 2000;
const HOUR = 3_600_000;
const SHARD_LINES = 8;

const TILES = [
  ["rate", "Events settled", (v) => number(v), "a second"],
  ["lag", "Lag, furthest shard", span],
  ["in-flight", "In flight", bytes],
  ["bound", "Bound (--memory)", bytes],
  ["oldest", "Oldest not settled", span],
  ["indexed", "Indexed", number],
  ["already-there", "Already there", number],
  ["dead-lettered", "Dead-lettered", number],
  ["expired", "Expired", number],
  ["retries", "Retries", number],
  ["bulk-p50", "Bulk request, median", latency, "last minute"],
  ["bulk-p99", "Bulk request, p99", latency, "last minute"],
];

const past = { samples: [], shards: new Map(), bound: null };
const parts = {};

function tiles() {
  byId("tiles").replaceChildren(...TILES.map(([name, title, , unit]) => {
    const figure = el("span", { "data-figure": name, "data-value": "" }, "…");
    parts[name] = figure;
    const meter = name === "in-flight" ? el("meter", { min: "0", max: "1", value: "0", "aria-label": "In flight, of the bound" }) : null;
    if (meter) parts.meter = meter;
    return el("dl", { class: "tile" }, el("dt", {}, title), el("dd", {}, figure), unit ? el("dd", { class: "unit" }, unit) : null, meter ? el("dd", {}, meter) : null);
  }));
}

function chart(id, title, about, columns, options) {
  const canvas = el("canvas", { role: "img", "aria-label": `${title}: ${about}. The numbers follow in a table.` });
  const beside = numbers(`${title}, by minute`, columns);
  byId("charts").append(el("section", { class: "card", "aria-labelledby": `h-${id}` },
    el("h2", { id: `h-${id}` }, title), el("p", { class: "about" }, about), el("div", { class: "chart" }, canvas), beside.node));
  parts[id] = { chart: lines(canvas, options), view: beside.view };
}

function counts(id, title, about, head) {
  const view = table(el("table", { class: "bars" }), [{ title: head }, { title: "Count", number: true }], title);
  const none = el("p", { class: "about" });
  byId("counts").append(el("section", { class: "card", "aria-labelledby": `h-${id}` },
    el("h2", { id: `h-${id}` }, title), el("p", { class: "about" }, about), none, view.node));
  parts[id] = { view, none };
}

function showCounts(id, rows, nothing) {
  const { view, none } = parts[id];
  const most = Math.max(0, ...rows.map(([, count]) => count));
  fill(view, rows.map(([name, count]) => [{ text: name, share: most && count / most }, number(count)]));
  view.node.hidden = most === 0;
  setText(none, most ? "" : nothing);
}

function build() {
  tiles();
  const at = { title: "Time" };
  const of = (title) => ({ title, number: true });
  chart("rate-chart", "Rate", "events settled a second", [at, of("A second")], { unit: "events/s", legend: false });
  chart("lag-chart", "Lag by shard", "how far behind the newest record, the furthest shards", [at, of("Furthest behind")],
    { write: (v) => span(v), least: 10_000 });
  chart("memory-chart", "In flight", "bytes of events that have not settled, and their bound", [at, of("In flight"), of("Bound")],
    { write: bytes });
  chart("latency-chart", "Bulk latency", "how long the cluster takes for a bulk request", [at, of("Median"), of("p99")],
    { write: latency });
  counts("outcomes", "Outcomes", "how events ended since the start", "Outcome");
  counts("retries-by", "Retries", "what was done again since the start, by reason", "Reason");
  counts("letters-by", "Dead letters", "kept since the start, by reason; essink dead-letters list has those from before", "Reason");
  parts.shards = table(byId("shards"), [{ title: "Shard" }, { title: "State" }, { title: "Lag", number: true }, { title: "Trend" },
    { title: "Oldest not settled", number: true }, { title: "Position stored", number: true }]);
  parts.leases = table(byId("leases"), [{ title: "Shard" }, { title: "Owner" }, { title: "Read up to" }, { title: "Renewed" }, { title: "Wanted by" }]);
  parts.disk = table(byId("disk"), [{ title: "Indices" }, of("Days"), { title: "Oldest" }, { title: "Newest" }, of("Documents"), of("Primaries"),
    of("All copies"), { title: "Older than kept" }]);
}

function remember(sample) {
  // A clock that was set back goes on from where it is now.
  while (past.samples.length && past.samples.at(-1).at >= sample.at) past.samples.pop();
  past.samples.push(sample);
  while (past.samples.length && past.samples[0].at < sample.at - HOUR) past.samples.shift();
}

function rememberShards(now, shards) {
  for (const shard of shards) {
    if (shard.lag_ms === null) continue;
    const points = past.shards.get(shard.name) ?? [];
    while (points.length && points.at(-1)[0] >= now) points.pop();
    points.push([now, shard.lag_ms]);
    while (points[0][0] < now - HOUR / 2) points.shift();
    past.shards.set(shard.name, points);
  }
  for (const [name, points] of past.shards) if (points.at(-1)[0] < now - HOUR / 2) past.shards.delete(name);
}

// The last sample of each minute, newest first.
function byMinute() {
  const minutes = new Map();
  for (const sample of past.samples) minutes.set(clock(sample.at), sample);
  return [...minutes.values()].reverse();
}

function redraw() {
  const points = (key) => past.samples.filter((s) => s[key] !== null).map((s) => ({ x: s.at, y: s[key] }));
  const ends = past.samples.length ? [past.samples[0].at, past.samples.at(-1).at] : [];
  draw(parts["rate-chart"].chart, [{ label: "settled a second", data: points("rate") }]);
  const bound = { label: "bound", bound: true, data: past.bound ? ends.map((x) => ({ x, y: past.bound })) : [] };
  draw(parts["memory-chart"].chart, [{ label: "in flight", data: points("in_flight_bytes") }, bound], past.bound);
  draw(parts["latency-chart"].chart, [{ label: "median", data: points("p50_ms") }, { label: "p99", data: points("p99_ms") }]);
  const furthest = [...past.shards].sort((a, b) => b[1].at(-1)[1] - a[1].at(-1)[1]).slice(0, SHARD_LINES);
  furthest.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  draw(parts["lag-chart"].chart, furthest.map(([name, lags]) => ({ label: name, data: lags.map(([x, y]) => ({ x, y })) })));
  const minutes = byMinute();
  fill(parts["rate-chart"].view, minutes.map((s) => [stamp(s.at), number(s.rate)]));
  fill(parts["lag-chart"].view, minutes.map((s) => [stamp(s.at), span(s.lag_ms)]));
  fill(parts["memory-chart"].view, minutes.map((s) => [stamp(s.at), bytes(s.in_flight_bytes), bytes(past.bound)]));
  fill(parts["latency-chart"].view, minutes.map((s) => [stamp(s.at), latency(s.p50_ms), latency(s.p99_ms)]));
}

function figures(now) {
  const values = {
    rate: now.rate, lag: now.lag_ms, "in-flight": now.in_flight_bytes, bound: now.bound_bytes || null, oldest: now.oldest_unsettled_ms,
    indexed: now.outcomes.indexed, "already-there": now.outcomes.already_there, "dead-lettered": now.outcomes.dead_lettered,
    expired: now.outcomes.expired, retries: now.retries, "bulk-p50": now.bulk.p50_ms, "bulk-p99": now.bulk.p99_ms,
  };
  for (const [name, , write] of TILES) {
    parts[name].dataset.value = values[name] ?? "";
    setText(parts[name], values[name] === null && name === "oldest" ? "none" : write(values[name]));
  }
  parts.meter.value = now.bound_bytes ? now.in_flight_bytes / now.bound_bytes : 0;
  past.bound = now.bound_bytes || null;
}

// What no longer comes is not known: neither that all is well nor what is wrong.
function unknown(text) {
  if (blockedShown === text) return;
  blockedShown = text;
  byId("blocked").replaceChildren(el("p", { class: "unknown" }, text));
}

let blockedShown = null;
function blocked(conditions) {
  const key = JSON.stringify(conditions);
  if (key === blockedShown) return;
  blockedShown = key;
  const fine = el("p", { class: "fine" }, "Nothing stands in the way.");
  byId("blocked").replaceChildren(...(conditions.length === 0 ? [fine] : conditions.map(({ name, reason, cure }) =>
    el("div", { class: "condition", "data-condition": name },
      el("h2", {}, name), el("p", {}, reason), el("p", {}, el("strong", {}, "What to do: "), cure)))));
}

// Sequence numbers have 56 digits: the ends tell them apart.
const short = (text) => text.replace(/\d{20,}/, (digits) => `${digits.slice(0, 6)}…${digits.slice(-8)}`);

const TRENDS = { growing: ["▲ falls behind", "growing"], falling: ["▼ catches up", "falling"], steady: ["steady", ""] };
const STATES = { waiting: "waits for its parents", reading: "reading", draining: "read to its end, draining", stopped: "stopped" };

function shards(now) {
  fill(parts.shards, now.shards.map((shard) => {
    const [text, own] = TRENDS[shard.trend] ?? ["", ""];
    const stored = shard.checkpoint_age_ms === null ? "not yet" : `${span(shard.checkpoint_age_ms)} ago`;
    const oldest = shard.oldest_unsettled_ms === null ? "none" : span(shard.oldest_unsettled_ms);
    return [shard.name, STATES[shard.state] ?? shard.state, span(shard.lag_ms), { text, class: own }, oldest, stored];
  }));
  const none = now.shards.length === 0 ? "This worker holds no shard: others of its group do, or it has just begun." : "";
  setText(byId("more-shards"), now.more_shards > 0 ? `and ${now.more_shards} more that are less far behind` : none);
}

function leases({ read_at: readAt, rows, more, trouble }, now) {
  fill(parts.leases, rows.map((row) => {
    const owner = row.owner === null ? { text: "free", class: "none" } : row.mine ? `${row.owner} (this worker)` : row.owner;
    const renewed = row.owner === null ? "" : row.still_seconds < 10 ? "lately" : `not for ${span(row.still_seconds * 1000)}`;
    return [row.shard, owner, row.ended ? "its end: done" : short(row.position), renewed, row.wanted_by ?? ""];
  }));
  setText(byId("leases-trouble"), trouble ? `${trouble.error} — ${trouble.cure}` : "");
  const about = readAt === null ? "not read yet" : `read at ${seconds(readAt)} UTC, ${span(now - readAt)} ago`;
  setText(byId("leases-about"), more > 0 ? `${about}; and ${more} more` : about);
}

// A family that has nothing has no row: it is named below.
function disk({ read_at: readAt, families, trouble }) {
  const all = families ?? [];
  const some = all.filter((one) => one.days || one.other_indices);
  fill(parts.disk, some.map((one) => {
    const days = one.unsized_days ? `${number(one.days)} (${one.unsized_days} closed, of unknown size)` : number(one.days);
    const older = one.keep_days === null ? { text: "no --keep", class: "none" }
      : one.older_days ? `${number(one.older_days)} days, ${bytes(one.older_bytes)}` : `none (${one.keep_days} days are kept)`;
    const date = (text) => ({ text: text ?? "–", class: "when" });
    return [{ text: one.indices, class: "when" }, days, date(one.oldest), date(one.newest), number(one.documents), bytes(one.primary_bytes), bytes(one.bytes), older];
  }));
  byId("disk").hidden = some.length === 0;
  setText(byId("disk-trouble"), trouble ? `${trouble.error} — ${trouble.cure}` : "");
  if (readAt === null) return setText(byId("disk-about"), trouble ? "Unknown." : "Not read yet.");
  const sum = (of) => some.reduce((total, one) => total + one[of], 0);
  const others = some.filter((one) => one.other_indices).map((one) => `${one.other_indices} of ${one.indices} (${bytes(one.other_bytes)})`);
  const none = all.filter((one) => !some.includes(one)).map((one) => one.indices);
  setText(byId("disk-about"), [
    some.length ? `${number(sum("days"))} daily indices, ${bytes(sum("bytes"))} in all.` : "No daily indices, or none that essink's user may list.",
    some.length && none.length ? `None of ${none.join(", ")}.` : "",
    others.length ? `Not counted, because they are no days: ${others.join(", ")}; essink prune --dry-run names them.` : "",
    `As of ${stamp(readAt)} UTC.`].filter(Boolean).join(" "));
}

function show(now) {
  const bound = past.bound;
  figures(now);
  blocked(now.conditions);
  const { indexed, already_there: there, dead_lettered: dead, expired } = now.outcomes;
  showCounts("outcomes", [["indexed", indexed], ["already there", there], ["dead-lettered", dead], ["expired", expired]],
    "Nothing has ended yet.");
  const pairs = (list) => list.map(({ reason, count }) => [reason.replaceAll("_", " "), count]);
  showCounts("retries-by", pairs(now.retries_by_reason), "Nothing was done again.");
  showCounts("letters-by", pairs(now.dead_letters), "No dead letters since the start.");
  shards(now);
  leases(now.leases, now.now);
  disk(now.disk);
  if (now.sample) {
    remember(now.sample);
    rememberShards(now.now, now.shards);
  }
  if (now.sample || past.bound !== bound) redraw();
}

let source = null;
let heard = 0;
let again = 0;
let lost = 0;
// Why there is no stream, as essink says it.
let refusal = null;

function connection(live, text) {
  const node = byId("connection");
  node.dataset.state = live ? "live" : "lost";
  setText(node, text);
  document.body.classList.toggle("stale", !live);
}

function connect() {
  source?.close();
  source = new EventSource("/page/pipeline");
  source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) why(); });
  source.addEventListener("history", ({ data }) => {
    const { samples, shards: lags } = JSON.parse(data);
    past.samples = samples;
    past.shards = new Map(Object.entries(lags));
    redraw();
  });
  source.addEventListener("message", ({ data }) => {
    heard = Date.now();
    lost = 0;
    refusal = null;
    connection(true, "live");
    show(JSON.parse(data));
  });
}

// A source does not say what it was answered: asks once more, as a page asks.
async function why() {
  const stop = new AbortController();
  try {
    const answer = await fetch("/page/pipeline", { signal: stop.signal, cache: "no-store" });
    refusal = answer.ok || answer.status === 401 ? null
      : await answer.json().catch(() => ({ error: `essink answers ${answer.status}`, cure: "this page goes on by itself" }));
  } catch { refusal = null; }
  stop.abort();
}

// What is said while nothing comes.
function silent() {
  lost ||= heard;
  if (lost) unknown(`Unknown since ${clock(lost)} UTC: essink does not answer. What is shown is of then.`);
  if (refusal) unknown(`${refusal.error}. What to do: ${refusal.cure}.`);
  connection(false, refusal ? "no live view" : lost ? "connection to essink lost, trying again" : "connecting");
}

// Looks twice a second whether states still come, and tries again when they do not: a source that met an answer it did not
// like never tries by itself.
async function watch() {
  if (locked()) return connection(false, "waits for the token");
  if (Date.now() - heard < SILENCE) return;
  silent();
  if (Date.now() < again) return;
  again = Date.now() + AGAIN;
  try {
    await learn();
    if (!locked() && Date.now() - heard >= SILENCE) connect();
  } catch { refusal = null; /* it does not answer: the next try is soon */ }
}

export function begin() {
  build();
  if (!locked()) { heard = 0; again = Date.now() + AGAIN; connect(); }
  setInterval(watch, 500);
}

export function reconnect() {
  heard = 0;
  connect();
}
