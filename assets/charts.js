// Charts by Chart.js, in the colours of the page. Each is a picture with a name; its numbers stand in a table beside it.

import { clock, middle, number, seconds } from "./format.js";

const Chart = globalThis.Chart;
// What each chart was made of: options that are read back from a chart are not those that were put in.
const made = new Map();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const palette = () => [1, 2, 3, 4, 5, 6, 7, 8].map((n) => colour(`--c${n}`));

// Puts the colours of the theme into what a chart is made of: a chart's own options are proxies, which must not be copied.
function paint({ options, data }, type) {
  const [ink, line, colours] = [colour("--dim"), colour("--line"), palette()];
  for (const scale of Object.values(options.scales ?? {})) {
    scale.ticks = { ...scale.ticks, color: ink };
    scale.grid = { ...scale.grid, color: line };
    if (scale.title) scale.title = { ...scale.title, color: ink };
  }
  options.plugins.legend.labels.color = ink;
  data.datasets.forEach((set, at) => {
    const own = set.bound ? ink : colours[at % colours.length];
    set.borderColor = own;
    set.backgroundColor = type === "bar" ? own : `${own}26`;
  });
}

export function repaint() {
  for (const chart of made.keys()) renew(chart);
}

function renew(chart) {
  const { options, type } = made.get(chart);
  paint({ options, data: chart.data }, type);
  chart.options = options;
  chart.update("none");
}

function make(canvas, config) {
  paint(config, config.type);
  const chart = new Chart(canvas, config);
  made.set(chart, config);
  return chart;
}

export function drop(chart) {
  made.delete(chart);
  chart?.destroy();
}

const common = (legend, title) => ({
  animation: false,
  responsive: true,
  maintainAspectRatio: false,
  interaction: { mode: "index", intersect: false },
  plugins: {
    colors: { enabled: false },
    legend: { display: legend, position: "bottom", labels: { boxWidth: 12, boxHeight: 12 } },
    tooltip: { callbacks: { title } },
  },
});

const value = (unit, write) => ({
  beginAtZero: true,
  ticks: { callback: (v) => write(v), maxTicksLimit: 6 },
  title: { display: Boolean(unit), text: unit },
  grid: {},
});

// Lines over time; the scale ends at `least` or above. `points` later: [{ label, data: [{ x, y }], bound }].
export function lines(canvas, { unit = "", write = number, legend = true, least = undefined }) {
  const options = common(legend, (items) => (items.length ? `${seconds(items[0].parsed.x)} UTC` : ""));
  options.plugins.tooltip.callbacks.label = (item) => `${item.dataset.label}: ${write(item.parsed.y)}`;
  options.parsing = false;
  options.scales = {
    x: { type: "linear", min: 0, max: 1, ticks: { callback(v) { return (this.options.ticks.stepSize < MINUTE ? seconds : clock)(v); }, maxRotation: 0, includeBounds: false }, grid: {} },
    y: { ...value(unit, write), suggestedMax: least },
  };
  return make(canvas, { type: "line", data: { datasets: [] }, options });
}

const MINUTE = 60_000;

// `most` is where the scale ends at least: a bound is always in sight.
export function draw(chart, sets, most = null) {
  const times = sets.flatMap((set) => [set.data[0]?.x, set.data.at(-1)?.x]).filter(Boolean);
  const to = Math.max(1, ...times);
  const from = times.length ? Math.min(to - MINUTE, ...times) : 0;
  const range = to - from;
  const { x, y } = made.get(chart).options.scales;
  // Without points nothing is drawn: a step of time would be one of millions.
  Object.assign(x, { min: from, max: to, display: times.length > 0 });
  x.ticks.stepSize = times.length === 0 ? 1 : range > 30 * MINUTE ? 10 * MINUTE : range > 10 * MINUTE ? 5 * MINUTE : range > 3 * MINUTE ? MINUTE : MINUTE / 2;
  if (most) Object.assign(y, { suggestedMax: most, ticks: { ...y.ticks, stepSize: most / 4 } });
  chart.data.datasets = sets.map((set, at) => ({
    ...chart.data.datasets[at],
    ...set,
    borderWidth: set.bound ? 1.5 : 2,
    borderDash: set.bound ? [6, 4] : [],
    fill: sets.length === 1 || (sets.length === 2 && sets[1].bound && at === 0),
    pointRadius: 0,
    pointHitRadius: 8,
    spanGaps: set.bound ? true : 30_000,
    tension: 0.2,
  }));
  renew(chart);
}

// Bars by category: lying where names are long.
export function bars(canvas, { labels, sets, unit = "", write = number, lying = false, stacked = false, line = false }) {
  const options = common(sets.length > 1, (items) => (items.length ? items[0].label : ""));
  const [across, along] = lying ? ["y", "x"] : ["x", "y"];
  options.indexAxis = lying ? "y" : "x";
  options.plugins.tooltip.callbacks.label = (item) => `${item.dataset.whole}: ${write(item.parsed[along])}`;
  options.scales = {
    [across]: {
      stacked,
      grid: {},
      ticks: { autoSkip: !lying, autoSkipPadding: 14, maxRotation: 0, callback(at) { return middle(String(this.getLabelForValue(at))); } },
    },
    [along]: { ...value(unit, write), stacked },
  };
  const datasets = sets.map((set) => ({ ...set, label: middle(set.label), whole: set.label, borderWidth: line ? 2 : 0, maxBarThickness: 42, pointRadius: labels.length > 60 ? 0 : 2, spanGaps: false }));
  return make(canvas, { type: line ? "line" : "bar", data: { labels, datasets }, options });
}
