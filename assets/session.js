// Who may look: asks the server what it wants, and shows the form for its token.

import { byId, setText } from "./dom.js";

export const session = { token: "none", events: false };
const waiting = new Set();

export async function learn() {
  const answer = await fetch("/page/about", { cache: "no-store" });
  if (!answer.ok) throw new Error(`essink answers ${answer.status}`);
  Object.assign(session, await answer.json());
  byId("exposed").hidden = !session.exposed;
  // It takes the token in a header, which a link cannot send.
  byId("metrics").hidden = session.token !== "none";
  byId("logout").hidden = session.token !== "shown";
  setText(byId("version"), `essink ${session.version}`);
  show(session.token === "wanted");
  return session;
}

function show(wanted) {
  document.body.classList.toggle("locked", wanted);
  const form = byId("login");
  if (wanted && form.hidden) {
    form.hidden = false;
    byId("token").focus();
  }
  if (!wanted) form.hidden = true;
}

// Called when the token was taken.
export const onLogin = (act) => waiting.add(act);

export function begin() {
  byId("login").addEventListener("submit", async (event) => {
    event.preventDefault();
    const trouble = byId("login-trouble");
    setText(trouble, "");
    try {
      const answer = await fetch("/page/login", { method: "POST", body: byId("token").value });
      if (!answer.ok) {
        const { error, cure } = await answer.json();
        return setText(trouble, `${error}: ${cure}`);
      }
    } catch {
      return setText(trouble, "essink does not answer: try again when it runs");
    }
    byId("token").value = "";
    await learn();
    if (session.token === "wanted") return setText(trouble, "this browser keeps no cookie for this page: allow it one");
    waiting.forEach((act) => act());
  });
  byId("logout").addEventListener("click", async () => {
    await fetch("/page/logout", { method: "POST" }).catch(() => {});
    location.reload();
  });
}

export const locked = () => session.token === "wanted";
