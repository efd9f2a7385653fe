// Times: of the sides of a benchmark, of a case, and of its history.

function benchView() {
  const found = index.bench;
  if (!found) return null;
  const labels = found.sides.map((each) => each.label);
  return el("div", {}, found.cases.map((each) => benchCase(each, labels)));
}

function benchCase(each, labels) {
  const sides = each.sides.map((side, at) => ({
    label: labels[at] || side.id,
    samples: each.rounds.flatMap((round) => round.times[at]?.samples_ms || []).map(number),
    times: side.times,
    status: side.status,
  }));
  const rows = sides.map((side) => [
    side.label,
    status(side.status),
    side.times ? milliseconds(side.times.minimum_ms) : "",
    side.times ? milliseconds(side.times.median_ms) : "",
    side.times && number(side.times.high_ms) < Infinity ? `${milliseconds(side.times.low_ms)} to ${milliseconds(side.times.high_ms)}` : "",
  ]);
  const head = ["side", "status", "minimum", "median", "95 % interval"];
  const left = each.discarded ? `, ${each.discarded} of them not counted` : "";
  return section(
    each.case,
    each.text && index.bench.cases.length > 1 ? el("p.why", {}, each.text) : null,
    scrolling(`Times of ${each.case}`, table("plain.figures", head, rows, `Times of ${each.case}`)),
    strip(`Times of ${each.case} on each side`, sides),
    ratioOf(each, labels),
    el("p.quiet", {}, `${each.rounds.length} rounds${left}`),
  );
}

// The ratio of both sides in each round, in the order in which they ran.
function ratioOf(each, labels) {
  if (!each.comparison || each.rounds.length < 2) return null;
  const ratios = each.rounds.map((round) => number(round.times[0].median_ms) / number(round.times[1].median_ms));
  const { ratio: middle, low, high } = each.comparison;
  const label = `Time of ${labels[0]} divided by that of ${labels[1]} in each round, about ${digits(middle)}`;
  const configure = () => ({
    type: "line",
    data: {
      labels: ratios.map((_, at) => at + 1),
      datasets: [
        { data: ratios, borderColor: colour("accent"), backgroundColor: colour("accent"), borderWidth: 1, pointRadius: 2 },
        ...[low, high].map((end) => ({ data: ratios.map(() => number(end)), borderColor: colour("muted"), borderDash: [4, 3], borderWidth: 1, pointRadius: 0 })),
      ],
    },
    options: { scales: { x: axis("round", { grid: { display: false } }), y: axis("ratio") } },
  });
  return el("figure", {}, el("figcaption", {}, `${labels[0]} / ${labels[1]} by round`, el("span.quiet", {}, "dashed: 95 % interval")), chart(label, 170, configure));
}

// Every sample of some sides as a point; points of one side are spread a little, always in the same way.
function strip(label, sides) {
  const known = sides.filter((each) => each.samples.length);
  if (!known.length) return null;
  const names = ["accent", "second"];
  const points = (each, row) => each.samples.map((value, at) => ({ x: number(value), y: row + (((at * 0.618034) % 1) - 0.5) * 0.5 }));
  const medians = known.map((each) => each.samples.map(number).sort((a, b) => a - b)[Math.floor(each.samples.length / 2)]);
  const configure = () => ({
    type: "scatter",
    data: {
      datasets: known.map((each, row) => ({ label: each.label, data: points(each, row), backgroundColor: colour(names[row % 2]), pointRadius: 2.5, pointStyle: row % 2 ? "rect" : "circle" })),
    },
    options: {
      scales: {
        x: axis("milliseconds"),
        y: axis("", { min: -0.6, max: known.length - 0.4, reverse: true, grid: { display: false }, ticks: { autoSkip: false, callback: (at) => (Number.isInteger(at) ? known[at]?.label || "" : "") }, afterBuildTicks: (scale) => (scale.ticks = known.map((_, value) => ({ value }))) }),
      },
      plugins: { tooltip: { displayColors: false, callbacks: { label: (each) => milliseconds(each.raw.x) } } },
    },
    plugins: [marks("x", medians.map((value, row) => ({ value, text: known.length > 1 ? "" : "median", name: names[row % 2] })))],
  });
  return chart(`${label}: median ${medians.map((each, at) => `${known[at].label} ${milliseconds(each)}`).join(", ")}`, 70 + 60 * known.length, configure);
}

// A number of a case over time. A point's shape says whether the case was as expected.
function trend(each) {
  const known = each.points.filter((point) => point.value !== null && Number.isFinite(number(point.value)));
  const label = `${each.name} over time: ${known.length} runs, last ${digits(known.at(-1)?.value)}`;
  const configure = () => ({
    type: "line",
    data: {
      labels: known.map((point) => point.when.slice(0, 10)),
      datasets: [
        {
          data: known.map((point) => number(point.value)),
          borderColor: colour("accent"),
          borderWidth: 1,
          pointRadius: 4,
          pointStyle: known.map((point) => (tone(point.status) === "good" ? "circle" : "crossRot")),
          pointBorderColor: known.map((point) => colour(tone(point.status) === "good" ? "accent" : "bad")),
          pointBackgroundColor: known.map((point) => colour(tone(point.status) === "good" ? "accent" : "bad")),
          tension: 0,
        },
      ],
    },
    options: {
      scales: { x: axis("", { grid: { display: false } }), y: axis(each.name, { beginAtZero: true }) },
      plugins: { tooltip: { displayColors: false, callbacks: { title: ([at]) => known[at.dataIndex].when, label: (at) => `${digits(at.raw)}, IREE ${known[at.dataIndex].release || "unknown"}, ${known[at.dataIndex].status}` } } },
    },
  });
  const rows = each.points.map((point) => [point.when, point.release || "", status(point.status), digits(point.value)]);
  return el("figure", {}, el("figcaption", {}, each.name), chart(label, 190, configure), el("details.numbers", {}, el("summary", {}, "Numbers"), table("plain.figures", ["run", "release", "status", each.name], rows, label)));
}
