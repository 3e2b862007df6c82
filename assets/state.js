// What the address says: #pipeline, #events/overview?from=…&to=…, and ?theme=dark|light. So a view is a link.

// An address that somebody wrote by hand may hold anything.
function decoded(text) {
  try { return decodeURIComponent(text); } catch { return null; }
}

export function read() {
  const [path, query = ""] = location.hash.slice(1).split("?");
  const [tab, dashboard] = path.split("/").map(decoded);
  return {
    tab: tab === "events" ? "events" : "pipeline",
    dashboard: dashboard || null,
    parameters: new URLSearchParams(query),
  };
}

// The Events tab comes back as it was left.
let left = null;

export function write(tab, dashboard = null, parameters = null) {
  const query = parameters?.toString();
  if (read().tab === "events") left = location.hash;
  if (tab === "events" && !dashboard && left) {
    history.replaceState(null, "", left);
    return;
  }
  const hash = `#${tab}${dashboard ? `/${encodeURIComponent(dashboard)}` : ""}${query ? `?${query}` : ""}`;
  if (location.hash !== hash) history.replaceState(null, "", hash);
}

const chosen = new URLSearchParams(location.search).get("theme");
const dark = matchMedia("(prefers-color-scheme: dark)");

function kept() {
  try { return localStorage.getItem("essink-theme"); } catch { return null; }
}

export function theme() {
  const wanted = chosen ?? kept();
  return wanted === "dark" || wanted === "light" ? wanted : dark.matches ? "dark" : "light";
}

// Calls back with the theme now and whenever it changes.
export function followTheme(button, changed) {
  let now = theme();
  const apply = () => {
    document.documentElement.dataset.theme = now;
    button.textContent = now === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to the ${now === "dark" ? "light" : "dark"} theme`);
    changed();
  };
  button.addEventListener("click", () => {
    now = now === "dark" ? "light" : "dark";
    try { localStorage.setItem("essink-theme", now); } catch { /* a browser that keeps nothing */ }
    apply();
  });
  dark.addEventListener("change", () => {
    if (!chosen && !kept()) { now = theme(); apply(); }
  });
  apply();
}
