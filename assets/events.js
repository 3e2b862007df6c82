// The Events tab: dashboards, a time, what a reader types, and panels that are asked few at a time, again when it failed, and
// now and then while somebody looks.

import { byId, el, setText } from "./dom.js";
import { View } from "./panels.js";
import { learn, locked } from "./session.js";
import { read, write } from "./state.js";

const DAY = 86_400_000;
// What can be asked, and written as a date.
const MOST_DAYS = 1_100;
const LAST = Date.UTC(9999, 0);
const AT_ONCE = 2;
const AGAIN = 10_000;
// A time that goes with the clock is asked again: a day every minute, more every five.
const FRESH = { day: 60_000, more: 300_000 };

let dashboards = null;
let views = [];
let round = 0;
let timer = 0;
let stop = new AbortController();

const visible = () => !byId("view-events").hidden && !document.hidden;
const params = () => read().parameters;

// Whole UTC days, today among them; "last day" is 24 hours.
function range() {
  const [from, to] = ["from", "to"].map((name) => Number(params().get(name)));
  if (from > 0 && to > from && to <= LAST) return { from, to, moves: false };
  const said = Number(params().get("days"));
  const days = Number.isInteger(said) && said >= 1 && said <= MOST_DAYS ? said : 7;
  const now = Math.ceil(Date.now() / 60_000) * 60_000;
  return { from: days === 1 ? now - DAY : Math.floor(now / DAY) * DAY - (days - 1) * DAY, to: now, moves: true, days };
}

const chosen = () => dashboards.find(({ id }) => id === read().dashboard) ?? dashboards[0];

async function ask(path) {
  let answer;
  try {
    answer = await fetch(path, { signal: stop.signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { error: "essink does not answer", cure: "look whether it runs; this page goes on by itself" };
  }
  if (answer.status === 401) await learn().catch(() => {});
  return answer.json().catch(() => ({ error: `essink answers ${answer.status}`, cure: "load the page anew" }));
}

async function askPanel(view, dashboard, time) {
  const { panel } = view;
  if (panel.hidden) {
    const error = "This panel can show what is a person's (a message, a sender, a link, page or referrer, a user's country, what a server or carrier answered), which is off";
    view.failed({ error, cure: "start essink with --page-events" });
    return null;
  }
  const query = new URLSearchParams({ from: time.from, to: time.to });
  for (const { id } of panel.inputs) if (params().get(id)) query.set(id, params().get(id));
  if (panel.inputs.some(({ id }) => !query.has(id))) {
    view.clear(`Type ${panel.inputs.map(({ label }) => label.toLowerCase()).join(", ")} above, and press Show.`);
    return null;
  }
  if (view.shown) view.node.dataset.state = "loading";
  else view.is("loading", "Asking the cluster …");
  const answer = await ask(`/page/panels/${dashboard.id}/${panel.id}?${query}`);
  if (answer.error) {
    view.failed(answer);
    return answer;
  }
  view.show(answer, time);
  return null;
}

// Asks all panels, some at a time, in their order; then again in a while.
async function refresh(only = null) {
  clearTimeout(timer);
  const mine = (round += 1);
  stop.abort();
  stop = new AbortController();
  const [dashboard, time, queue] = [chosen(), range(), [...(only ?? views)]];
  const failed = [];
  let trouble = null;
  const worker = async () => {
    while (queue.length && mine === round) {
      const view = queue.shift();
      try {
        const wrong = await askPanel(view, dashboard, time);
        if (wrong) failed.push(view);
        trouble ??= wrong;
      } catch (error) {
        if (error.name === "AbortError") return;
        view.failed({ error: `this page cannot show the answer: ${error.message}`, cure: "load it anew, and report it" });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (mine !== round) return;
  // One voice for all of them, which says what is new and does not repeat itself with each try.
  setText(byId("said"), trouble ? `Some panels have no answer: ${trouble.error}. What to do: ${trouble.cure}.` : "The panels are shown.");
  if (failed.length) return later(AGAIN, failed);
  if (time.moves) later(time.days === 1 ? FRESH.day : FRESH.more, null);
}

function later(wait, only) {
  timer = setTimeout(() => (visible() && !locked() ? refresh(only) : later(1000, only)), wait);
}

function inputs(dashboard) {
  const wanted = new Map(dashboard.panels.flatMap((panel) => panel.inputs).map((input) => [input.id, input.label]));
  const there = [...byId("inputs").querySelectorAll("input")];
  // Who types there keeps the focus.
  if (there.map(({ name }) => name).join() === [...wanted.keys()].join()) {
    for (const input of there) if (input !== document.activeElement) input.value = params().get(input.name) ?? "";
    return;
  }
  byId("inputs").replaceChildren(...[...wanted].map(([id, label]) => el("label", {}, `${label} `,
    el("input", { name: id, id: `input-${id}`, type: "text", value: params().get(id) ?? "", autocomplete: "off", spellcheck: "false" }))));
}

// Puts the form as the address says, and builds the panels of its dashboard.
function build() {
  const dashboard = chosen();
  const { from, to, moves, days } = range();
  byId("dashboard").value = dashboard.id;
  byId("span").querySelector("[data-said]")?.remove();
  if (moves && ![...byId("span").options].some(({ value }) => value === String(days))) {
    byId("span").prepend(el("option", { value: days, "data-said": "" }, `Last ${days} days`));
  }
  byId("span").value = moves ? String(days) : "own";
  own(from, to);
  inputs(dashboard);
  setText(byId("dashboard-title"), dashboard.title);
  setText(byId("dashboard-about"), dashboard.about);
  views.forEach((view) => view.end());
  views = dashboard.panels.map((panel) => new View(dashboard.id, panel));
  byId("panels").replaceChildren(...views.map(({ node }) => node));
  refresh();
}

const local = (millis) => new Date(millis).toISOString().slice(0, 16);

function own(from, to) {
  const shown = byId("span").value === "own";
  byId("own").hidden = !shown;
  if (shown || !byId("from").value) [byId("from").value, byId("to").value] = [local(from), local(to)];
}

function submit() {
  const next = new URLSearchParams();
  const days = byId("span").value;
  if (days === "own") {
    const [from, to] = ["from", "to"].map((id) => Date.parse(`${byId(id).value}Z`));
    if (!(to > from)) return setText(byId("events-trouble"), "The time ends before it begins: choose another.");
    next.set("from", from);
    next.set("to", to);
  } else next.set("days", days);
  setText(byId("events-trouble"), "");
  for (const input of byId("inputs").querySelectorAll("input")) if (input.value.trim()) next.set(input.name, input.value.trim());
  write("events", byId("dashboard").value, next);
  build();
}

export function begin() {
  byId("chooser").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  byId("dashboard").addEventListener("change", submit);
  byId("span").addEventListener("change", () => {
    const { from, to } = range();
    own(from, to);
    if (byId("span").value !== "own") submit();
  });
}

let loading = false;

// Called whenever the tab comes into sight, or the address changes.
export async function shown() {
  if (loading) return;
  loading = true;
  try {
    while (!dashboards && !locked()) {
      const answer = await ask("/page/dashboards");
      if (Array.isArray(answer)) dashboards = answer;
      else {
        setText(byId("events-trouble"), `${answer.error}: ${answer.cure}`);
        await new Promise((done) => setTimeout(done, 3000));
      }
    }
  } finally {
    loading = false;
  }
  if (!dashboards) return;
  setText(byId("events-trouble"), "");
  byId("dashboard").replaceChildren(...dashboards.map(({ id, title }) => el("option", { value: id }, title)));
  build();
}
