// Puts the page together, and follows its address and its keys.

const overview = document.getElementById("overview");
const view = document.getElementById("case");

function begin() {
  const parts = [bisectView(), benchView(), compareView()];
  if (index.cases.length) parts.push(el("div", { id: "listing" }, el(`h2${parts.some(Boolean) ? "" : ".unseen"}`, {}, "Cases"), statusFilter(), tools(), gridView(), listView()));
  if (index.cases.length) parts.push(timelineView(), hints());
  overview.append(...parts.filter(Boolean));
  theme();
  addEventListener("hashchange", () => follow());
  addEventListener("keydown", onKey);
  follow();
}

let left = 0; // where the list was scrolled to

async function follow() {
  const state = address();
  const each = state.has("case") ? byKey.get(state.get("case")) : null;
  const wasCase = !view.hidden;
  if (!wasCase) left = scrollY;
  overview.hidden = Boolean(each);
  view.hidden = !each;
  if (index.cases.length && (!each || !list.shown.length)) {
    if (!each) recall(state);
    else recall(new URLSearchParams());
    arrange();
  }
  if (each) await showCase(each);
  else if (wasCase) {
    view.replaceChildren();
    scrollTo(0, left);
    list.rows.get(list.last)?.querySelector("a").focus({ preventScroll: true });
  }
  if (state.has("case") && !each) say("This page has no such case.");
  list.last = each || list.last;
  document.title = each ? `${each.key} · ${each.status}` : index.answer.title;
}

function hints() {
  const keys = [["/", "search"], ["j k", "next, previous"], ["Enter", "open"], ["Esc", "back"]];
  return el("p.hints", {}, keys.map(([key, what]) => el("span", {}, el("kbd", {}, key), what)));
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const writes = event.target.matches?.("input, select, textarea");
  if (event.key === "Escape") {
    if (!view.hidden) location.hash = listAddress();
    else if (event.target === list.search && list.query) {
      list.search.value = list.query = "";
      remember();
    } else if (writes) event.target.blur();
    return;
  }
  if (writes) return;
  if (event.key === "/" && list.search && view.hidden) {
    event.preventDefault();
    list.search.focus();
  }
  if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
}

// Goes to the next case: of the list to its row, of an open case to that case.
function step(by) {
  if (!view.hidden) {
    view.querySelector(by > 0 ? "a[rel=next]" : "a[rel=prev]")?.click();
    return;
  }
  const links = [...overview.querySelectorAll(list.view === "grid" ? "table.grid a" : "table.cases tbody a")];
  const at = links.indexOf(document.activeElement);
  links[at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
}

// Light and dark: as the system has it, until the button is pressed.
function theme() {
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const told = () => (button.textContent = isDark() ? "Light" : "Dark");
  const stored = remembered();
  if (stored) document.documentElement.dataset.theme = stored;
  button.hidden = false;
  told();
  button.setAttribute("aria-label", "Switch between light and dark");
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    remembered(document.documentElement.dataset.theme);
    told();
    redraw();
  });
  system.addEventListener("change", () => {
    told();
    redraw();
  });
}

// A file may not be allowed to remember anything.
function remembered(value) {
  try {
    if (value) localStorage.setItem("theme", value);
    const found = localStorage.getItem("theme");
    return ["light", "dark"].includes(found) ? found : null;
  } catch {
    return null;
  }
}

begin();
