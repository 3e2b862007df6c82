// The page: tabs, theme, who may look, and the two views.

import { byId } from "./dom.js";
import { repaint } from "./charts.js";
import { followTheme, read, write } from "./state.js";
import * as events from "./events.js";
import * as pipeline from "./pipeline.js";
import * as session from "./session.js";

const TABS = ["pipeline", "events"];

function select(name, focus = false) {
  for (const tab of TABS) {
    const [button, chosen] = [byId(`tab-${tab}`), tab === name];
    button.setAttribute("aria-selected", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
    byId(`view-${tab}`).hidden = !chosen || session.locked();
    if (chosen && focus) button.focus();
  }
  if (name === "events" && !session.locked()) events.shown();
}

function follow() {
  select(read().tab);
}

function tabs() {
  for (const tab of TABS) {
    byId(`tab-${tab}`).addEventListener("click", () => {
      if (read().tab !== tab) write(tab);
      select(tab);
    });
  }
  byId("tabs").addEventListener("keydown", ({ key }) => {
    const at = TABS.indexOf(read().tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + TABS.length, Home: 0, End: TABS.length - 1 }[key];
    if (to === undefined) return;
    const tab = TABS[to % TABS.length];
    write(tab);
    select(tab, true);
  });
  addEventListener("hashchange", follow);
  // Paper has no summaries to be opened.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const folded of opened) folded.open = true;
  });
  addEventListener("afterprint", () => { for (const folded of opened) folded.open = false; });
  // The address says which view is shown: it must not say #main.
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("main").focus();
    byId("main").scrollIntoView();
  });
}

async function begin() {
  tabs();
  session.begin();
  session.onLogin(() => { pipeline.reconnect(); follow(); });
  try { await session.learn(); } catch { /* the stream says that it is away, and asks again */ }
  pipeline.begin();
  events.begin();
  followTheme(byId("theme"), repaint);
  follow();
}

begin();
