// What ran when, and on which resource.

// It is drawn when it is opened.
function timelineView() {
  return disclosed("What ran when", async () => timelineOf(await unpacked(document.getElementById("timeline"))));
}

// The steps of the cases, each once although several cases may share it:
// [case, step, seconds since the first one began, duration, resource].
function timelineOf(steps) {
  if (!steps.length) return [el("p.quiet", {}, "The results do not say when their steps ran.")];
  const lanes = lanesOf(steps);
  const names = [...lanes.keys()];
  const end = Math.max(...steps.map(([, , began, took]) => began + took));
  const label = `What ran when on ${names.length} ${names.length === 1 ? "lane" : "lanes"}, within ${seconds(end)}`;
  const bars = names.flatMap((name) => lanes.get(name).map((step) => ({ x: [step[2], step[2] + Math.max(step[3], end / 1000)], y: name, step })));
  const configure = () => ({
    type: "bar",
    data: {
      labels: names,
      datasets: [{ data: bars, backgroundColor: bars.map((each) => colour(`step-${each.step[1].split("_")[0]}`) || colour("accent")), grouped: false, barPercentage: 0.8, categoryPercentage: 0.9, borderSkipped: false }],
    },
    options: {
      indexAxis: "y",
      onClick: (_, found) => found.length && (location.hash = caseAddress(index.cases[bars[found[0].index].step[0]].key)),
      scales: { x: axis("seconds", { type: "linear", min: 0, max: end }), y: axis("", { grid: { display: false } }) },
      plugins: {
        tooltip: {
          displayColors: false,
          callbacks: {
            title: ([each]) => index.cases[bars[each.dataIndex].step[0]].key,
            label: (each) => `${bars[each.dataIndex].step[1]}: ${seconds(bars[each.dataIndex].step[3])}, from ${seconds(bars[each.dataIndex].step[2])}`,
          },
        },
      },
    },
  });
  return [
    timelineKeys(steps),
    chart(label, 60 + 26 * names.length, configure),
    collapsed("Numbers", [scrolling("Steps", table("plain.figures", ["case", "step", "began", "took", "on"], numbersOfSteps(steps), label))]),
  ];
}

function timelineKeys(steps) {
  const kinds = [...new Set(steps.map(([, step]) => step.split("_")[0]))];
  return el("p.legend", {}, kinds.map((kind) => el("span", {}, el(`span.swatch.step-${/^[a-z]+$/.test(kind) ? kind : "other"}`, { "aria-hidden": "true" }), kind)));
}

function numbersOfSteps(steps) {
  const longest = [...steps].sort((a, b) => b[3] - a[3]).slice(0, 200);
  return longest.map(([at, step, began, took, resource]) => [index.cases[at].key, step, seconds(began), seconds(took), resource]);
}

// Several lanes for a resource on which several steps ran at once.
function lanesOf(steps) {
  const lanes = new Map();
  const resources = [...new Set(steps.map((step) => step[4]))].sort();
  for (const resource of resources) {
    const ends = [];
    for (const step of steps.filter((each) => each[4] === resource).sort((a, b) => a[2] - b[2])) {
      let lane = ends.findIndex((end) => end <= step[2] + 1e-3);
      if (lane < 0) lane = ends.length;
      ends[lane] = step[2] + step[3];
      const name = `${resource}${lane ? ` ${lane + 1}` : ""}`;
      lanes.set(name, [...(lanes.get(name) || []), step]);
    }
  }
  return lanes;
}

// A part that is made when it is opened for the first time.
function disclosed(title, content) {
  const box = el("details.part", {}, el("summary", {}, el("h2", {}, title)));
  box.addEventListener("toggle", async () => {
    if (box.open && box.children.length === 1) box.append(...(await content()).filter(Boolean));
  });
  return box;
}
