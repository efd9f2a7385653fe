// A comparison of two sides: every case that differs, the worst change first.

const CHANGES = {
  regression: ["✗", "bad"],
  lost: ["!", "trouble"],
  fixed: ["✓", "good"],
  changed: ["~", "trouble"],
  drift: ["~", "quiet"],
  added: ["+", "quiet"],
  removed: ["−", "quiet"],
  same: ["=", "quiet"],
};

function compareView() {
  const found = index.compare;
  if (!found) return null;
  const rows = found.cases.map((each) => ({ text: `${each.change} ${each.name} ${each.status}`.toLowerCase(), cells: compareCells(each) }));
  const made = table("plain.compared", ["change", "case", "status", "numbers"], rows.map((each) => each.cells), "Cases on both sides");
  const lines = [...made.querySelectorAll("tbody tr")];
  const field = el("input", { type: "search", placeholder: "Search", "aria-label": "Search the cases" });
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    lines.forEach((line, at) => {
      line.hidden = !words.every((word) => rows[at].text.includes(word));
      left += line.hidden ? 0 : 1;
    });
    say(cases(left));
  });
  const notes = found.notes.map((note) => el("p.quiet", {}, `Note: ${note}`));
  return section("What differs", el("div.tools", {}, field), scrolling("What differs", made), notes);
}

function compareCells(each) {
  const [mark, look] = CHANGES[each.change] || ["?", "trouble"];
  const change = el(`span.status.${look}`, {}, el(`span.sign.${look}`, { "aria-hidden": "true" }, mark), each.change);
  const lines = (texts) => texts.map((text) => el("div", {}, text));
  return [change, el("code", {}, each.name), [each.status, ...lines(each.remarks)], lines(each.numbers)];
}
