// The list of all cases: filtered, searched and sorted, by mouse, keyboard and address.

const list = { rows: new Map(), shown: [], view: "list", query: "", statuses: new Set(), order: "", counts: null };

const COLUMNS = [
  { name: "status", title: "Status", by: (each) => ORDER.indexOf(each.status) },
  { name: "case", title: "Case", by: (each) => each.id },
  { name: "release", title: varied[0].toUpperCase() + varied.slice(1), by: (each) => releases.indexOf(each.release || ""), hidden: releases.length < 2 },
  { name: "ratio", title: "Of threshold", by: (each) => -(each.ratio === undefined ? -1 : number(each.ratio)) },
  { name: "error", title: "Max error", by: (each) => -(each.error === undefined ? -1 : number(each.error)) },
  { name: "seconds", title: "Time", by: (each) => -(each.seconds || 0) },
].filter((column) => !column.hidden);

function shownCases() {
  return list.shown;
}

// The row of a case, made when it is shown for the first time.
function rowOf(each) {
  if (!list.rows.has(each)) list.rows.set(each, newRow(each));
  return list.rows.get(each);
}

// Rows are laid out as grids, which costs less than a table where there are many; their roles say what they are.
function newRow(each) {
  const what = {
    status: () => el("td.status", { role: "cell" }, status(each.status, each.kind)),
    case: () =>
      el(
        "th.case",
        { scope: "row", role: "rowheader" },
        el("a", { href: caseAddress(each.key) }, each.id),
        each.why && tone(each.status) !== "good" ? el("span.why", {}, each.why) : null,
      ),
    release: () => el("td.release", { role: "cell" }, each.release || ""),
    ratio: () =>
      el("td.share", { role: "cell" }, each.ratio === undefined ? "" : [ratioBar(each.ratio), el(each.close ? "strong" : "span", {}, each.kind === "nan" ? "NaN" : ratio(each.ratio))]),
    error: () => el("td.error", { role: "cell" }, each.error === undefined ? "" : digits(each.error)),
    seconds: () => el("td.seconds", { role: "cell" }, each.cached ? el("span.note", {}, "cached") : each.seconds ? seconds(each.seconds) : ""),
  };
  return el("tr", { role: "row" }, COLUMNS.map((column) => what[column.name]()));
}

function listView() {
  const heads = COLUMNS.map((column) =>
    el("th", { scope: "col", role: "columnheader", "data-column": column.name }, el("button", { type: "button", onclick: () => sortBy(column.name) }, column.title)),
  );
  list.body = el("tbody", { role: "rowgroup" });
  list.table = el(
    `table.cases${releases.length > 1 ? ".released" : ""}`,
    { id: "cases", role: "table" },
    el("caption.unseen", {}, "Cases"),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, heads)),
    list.body,
  );
  list.none = el("p.quiet.none", { hidden: true }, "No case matches.");
  return el("div", {}, list.table, list.none);
}

// Buttons that show only the cases with some status, with how many there are; and a bar of their shares.
function statusFilter() {
  const found = ORDER.filter((name) => index.cases.some((each) => each.status === name));
  const count = (name) => index.cases.filter((each) => each.status === name).length;
  const bar = el("div.shares", { "aria-hidden": "true" }, found.map((name) => wide(el(`span.${tone(name)}`), count(name) / index.cases.length)));
  list.buttons = found.map((name) => {
    const toggle = () => {
      list.statuses.has(name) ? list.statuses.delete(name) : list.statuses.add(name);
      remember();
    };
    const options = { type: "button", "aria-pressed": "false", "data-status": name, onclick: toggle };
    return el(`button.chip.${tone(name)}`, options, sign(name), el("b", {}, count(name).toLocaleString("en")), name);
  });
  return el("div.filter", {}, bar, el("div.chips", { role: "group", "aria-label": "Show only cases with this status" }, list.buttons));
}

function tools() {
  list.search = el("input", {
    type: "search",
    id: "search",
    placeholder: "Search cases, kinds and reasons",
    "aria-label": "Search cases, kinds and reasons",
    "aria-keyshortcuts": "/",
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => {
      list.query = list.search.value;
      remember();
    },
  });
  const orders = COLUMNS.map((column) => el("option", { value: column.name }, `by ${column.title.toLowerCase()}`));
  list.sorting = el("select", { "aria-label": "Sort", onchange: () => sortBy(list.sorting.value, true) }, orders);
  list.views = hasGrid()
    ? ["list", "grid"].map((name) =>
        el("button", { type: "button", "aria-pressed": "false", "data-view": name, onclick: () => showView(name) }, name === "list" ? "List" : "Grid"),
      )
    : [];
  list.counts = el("span.counts", { role: "status" });
  const views = list.views.length ? el("span.views", { role: "group", "aria-label": "View" }, list.views) : null;
  return el("div.tools", {}, list.search, list.sorting, views, list.counts);
}

function showView(name) {
  list.view = name;
  remember();
}

function sortBy(name, isPlain = false) {
  const reversed = !isPlain && list.order === name;
  list.order = reversed ? `-${name}` : name;
  remember();
}

// The state as an address, so that it can be sent to others.
function listAddress() {
  const state = new URLSearchParams();
  if (list.query) state.set("q", list.query);
  if (list.statuses.size) state.set("status", [...list.statuses].join(","));
  if (list.order) state.set("sort", list.order);
  if (list.view !== defaultView()) state.set("view", list.view);
  return `#${state}`;
}

function defaultView() {
  return index.matrix ? "grid" : "list";
}

function remember() {
  history.replaceState(null, "", listAddress());
  arrange();
}

function recall(state) {
  list.query = state.get("q") || "";
  list.statuses = new Set((state.get("status") || "").split(",").filter((each) => ORDER.includes(each)));
  list.order = state.get("sort") || "";
  const view = state.get("view") || defaultView();
  list.view = view === "grid" && hasGrid() ? "grid" : "list";
  if (list.search.value !== list.query) list.search.value = list.query;
}

function matches(each) {
  if (list.statuses.size && !list.statuses.has(each.status)) return false;
  return list.words.every((word) => each.text.includes(word));
}

// Fills a part of a table: what fits into a window at once, and the rest soon, so that nothing waits for it.
function fill(body, makers, count = 60) {
  clearTimeout(body.rest);
  body.replaceChildren(...makers.slice(0, count).map((make) => make()));
  const more = (from) => {
    body.append(...makers.slice(from, from + 3 * count).map((make) => make()));
    if (from + 3 * count < makers.length) body.rest = setTimeout(more, 0, from + 3 * count);
  };
  if (makers.length > count) body.rest = setTimeout(more, 0, count);
}

// Shows what matches, in order.
function arrange() {
  list.words = list.query.toLowerCase().split(/\s+/).filter(Boolean);
  list.shown = ordered(index.cases.filter(matches));
  if (list.view === "grid") arrangeGrid();
  else fill(list.body, list.shown.map((each) => () => rowOf(each)));
  list.table.parentElement.hidden = list.view === "grid";
  if (hasGrid()) document.getElementById("grid").hidden = list.view !== "grid";
  list.none.hidden = list.shown.length > 0;
  list.table.hidden = !list.shown.length;
  const all = list.shown.length === index.cases.length;
  list.counts.textContent = all ? cases(index.cases.length) : `${list.shown.length.toLocaleString("en")} of ${cases(index.cases.length)}`;
  list.buttons.forEach((each) => each.setAttribute("aria-pressed", String(list.statuses.has(each.dataset.status))));
  list.views.forEach((each) => each.setAttribute("aria-pressed", String(each.dataset.view === list.view)));
  const [name, reversed] = [list.order.replace(/^-/, ""), list.order.startsWith("-")];
  list.sorting.value = COLUMNS.some((each) => each.name === name) ? name : "status";
  for (const head of list.table.querySelectorAll("th[data-column]")) {
    const isSorted = head.dataset.column === name;
    isSorted ? head.setAttribute("aria-sort", reversed ? "descending" : "ascending") : head.removeAttribute("aria-sort");
  }
}

function ordered(some) {
  const name = list.order.replace(/^-/, "");
  const column = COLUMNS.find((each) => each.name === name);
  if (!column) return some;
  const keys = new Map(some.map((each) => [each, column.by(each)]));
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
  const sorted = [...some].sort((a, b) => compare(keys.get(a), keys.get(b)) || a.position - b.position);
  return list.order.startsWith("-") ? sorted.reverse() : sorted;
}
