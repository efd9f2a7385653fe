// A grid of cases by chips and releases. Of a matrix, a mark shows where a case differs from the release before.

const columns = [];
for (const target of targets) {
  for (const release of releases) {
    if (index.cases.some((each) => (each.target || "") === target && (each.release || "") === release)) {
      columns.push({ target, release });
    }
  }
}
const differing = new Set((index.matrix?.cells || []).filter((each) => each.differs).map((each) => `${each.case} ${each.release}`));

function hasGrid() {
  return columns.length > 1;
}

function gridView() {
  if (!hasGrid()) return null;
  const head = targets.map((target) => {
    const span = columns.filter((column) => column.target === target).length;
    return span ? el("th.target", { scope: "colgroup", colspan: span }, target) : null;
  });
  const names = columns.map((column) => el("th", { scope: "col" }, column.release || column.target));
  const body = el("tbody");
  const heads = el("thead", {}, el("tr", {}, el("td", {}), head), releases.length > 1 || releases[0] ? el("tr", {}, el("th.case", { scope: "col" }, "Case"), names) : null);
  list.grid = { body, rows: new Map() };
  const what = el("table.grid", {}, el("caption.unseen", {}, `Cases by chip and ${varied}`), heads, body);
  return el("div", { id: "grid" }, legend(), scrolling(`Cases by chip and ${varied}`, what));
}

function legend() {
  const found = ORDER.filter((name) => index.cases.some((each) => each.status === name));
  const changed = differing.size ? el("span", {}, el("span.changed", { "aria-hidden": "true" }, "◆"), `differs from the ${varied} before`) : null;
  return el("p.legend", {}, found.map((name) => status(name)), changed);
}

function arrangeGrid() {
  const rows = new Map();
  for (const each of list.shown) {
    if (!rows.has(each.name)) rows.set(each.name, new Map());
    rows.get(each.name).set(`${each.target || ""} ${each.release || ""}`, each);
  }
  fill(list.grid.body, [...rows].map(([name, found]) => () => gridRow(name, found)));
}

function gridRow(name, found) {
  const cells = columns.map(({ target, release }) => gridCell(found.get(`${target} ${release}`)));
  return el("tr", {}, el("th.case", { scope: "row" }, name), cells);
}

function gridCell(each) {
  if (!each) return el("td", {}, unseen("not run"));
  const changed = differing.has(`${each.id} ${each.release}`);
  const words = tone(each.status) === "good" ? (each.ratio === undefined ? "" : ratio(each.ratio)) : each.kind || each.status;
  const label = `${each.id} ${each.release || ""}: ${each.status} ${each.kind || ""}${changed ? `, differs from the ${varied} before` : ""}`;
  const link = el(
    `a.${tone(each.status)}`,
    { href: caseAddress(each.key), "aria-label": label, title: each.why || null },
    sign(each.status),
    el("span.words", {}, words),
    changed ? el("span.changed", { "aria-hidden": "true" }, "◆") : null,
  );
  return el("td", {}, link);
}
