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
// Columns: { title, number }. Cells: text, or { text, class }. The first cell of a row is its head.
export function table(node, columns, caption) {
  const head = el("tr", {}, ...columns.map((column) => el("th", { scope: "col", class: column.number ? "num" : null }, column.title)));
  const body = el("tbody");
  node.replaceChildren(...(caption ? [el("caption", {}, caption)] : []), el("thead", {}, head), body);
  return { node, columns, body };
}

export function fill({ body, columns }, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((row, at) => {
    const line = body.rows[at] ?? body.insertRow();
    row.forEach((cell, column) => {
      const { text, class: own } = typeof cell === "object" && cell !== null ? cell : { text: cell };
      let place = line.cells[column];
      if (!place) {
        place = column === 0 ? el("th", { scope: "row" }) : el("td");
        line.append(place);
      }
      const kind = [columns[column]?.number ? "num" : column === 0 ? "name" : "", own ?? ""].filter(Boolean).join(" ");
      if (place.className !== kind) place.className = kind;
      setText(place, String(text));
    });
  });
}

// The numbers behind a chart, folded away for who sees it; screen readers and the keyboard find them under it.
export function numbers(title, columns, label = "Numbers") {
  const view = table(el("table"), columns, title);
  const scroll = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, view.node);
  return { view, node: el("details", {}, el("summary", {}, label), scroll) };
}
