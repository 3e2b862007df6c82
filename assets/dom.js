// Elements from values. Text is always text: nothing that comes from outside is read as HTML.

export const byId = (id) => document.getElementById(id);

export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else if (name in node && typeof value === "boolean") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// A table that can be filled again and again: only cells that differ are touched, so that a selection stays.
// Columns: { title, number, hint }. Cells: text, or { text, class, share }. The first cell of a row is its head.
export function table(node, columns, caption) {
  const head = el("tr", {}, ...columns.map((column) => el("th", { scope: "col", class: column.number ? "num" : null, title: column.hint }, column.title)));
  const body = el("tbody");
  node.replaceChildren(...(caption ? [el("caption", { class: "heard" }, caption)] : []), el("thead", {}, head), body);
  return { node, columns, body };
}

export function fill({ body, columns, filled }, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((row, at) => {
    const line = body.rows[at] ?? body.insertRow();
    row.forEach((cell, column) => {
      const { text, class: own, share } = typeof cell === "object" && cell !== null ? cell : { text: cell };
      let place = line.cells[column];
      if (!place) {
        place = column === 0 ? el("th", { scope: "row" }) : el("td");
        line.append(place);
      }
      const kind = [columns[column]?.number ? "num" : column === 0 ? "name" : "", own ?? ""].filter(Boolean).join(" ");
      if (place.className !== kind) place.className = kind;
      if (share !== undefined) place.style.setProperty("--share", `${100 * share}%`);
      setText(place, String(text));
    });
  });
  filled?.(rows.length);
}

const region = (title, node) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, node);

// Rows of a table before who looks asks for all of them.
const FEW = 10;

// A table that shows its first rows, and all of them on demand: a page of long tables is too long to be read.
export function few(title, columns) {
  const view = table(el("table"), columns, title);
  const more = el("button", { type: "button", class: "more" });
  const node = el("div", { class: "few" }, region(title, view.node), more);
  let all = false;
  view.filled = (count) => {
    // Two rows take no more room than the button.
    more.hidden = count <= FEW + 2;
    node.classList.toggle("all", all || more.hidden);
    more.setAttribute("aria-expanded", String(all));
    setText(more, all ? `Show the first ${FEW} rows` : `Show all ${count} rows`);
  };
  more.addEventListener("click", () => { all = !all; view.filled(view.body.rows.length); });
  return { view, node };
}

// The numbers behind a chart, folded away for who sees it; screen readers and the keyboard find them under it.
export function numbers(title, columns, label = "Numbers") {
  const view = table(el("table"), columns, title);
  return { view, node: el("details", {}, el("summary", {}, label), region(title, view.node)) };
}
