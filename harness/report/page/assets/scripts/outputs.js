// The outputs of a case: errors and thresholds, how the errors are distributed, and where the worst elements are.

function outputsOf(each, known) {
  const compared = (known.outputs || []).map((output) => outputOf(output, known.why));
  return section(compared.length === 1 ? "Output" : "Outputs", compared);
}

function outputOf(output, told) {
  const name = el("h3", {}, `Output ${output.index}`, el("span.type", {}, output.type || "unknown type"));
  if (output.ignored) return el("div.output", {}, name, el("p.quiet", {}, "The spec ignores this output."));
  const pictures = [histogram(output), errorMap(output)].filter(Boolean);
  return el(
    "div.output",
    {},
    name,
    output.reason && !told.includes(output.reason) ? el("p.why", {}, output.reason) : null,
    measured(output),
    conditions(output),
    facts(numbersOf(output)),
    pictures.length ? el("div.pictures", {}, pictures) : null,
    worst(output),
  );
}

// The largest error beside its threshold.
function measured(output) {
  if (output.kind === "nan") return el("p.measured", {}, ratioBar(Infinity), el("strong", {}, "NaN or infinity that should not be there"));
  if (output.error_ratio === undefined || output.error_ratio === null) return null;
  const used = number(output.error_ratio);
  const words = used <= 1 ? `${ratio(used)} of the threshold` : `${ratio(used)} the threshold`;
  return el("p.measured", {}, ratioBar(used), el("strong", {}, words));
}

function conditions(output) {
  if (!output.conditions?.length) return null;
  const rows = output.conditions.map((each) => [
    each.statistic,
    digits(each.value),
    each.expected,
    status(each.holds ? "passed" : "failed"),
    el("span.together", {}, ratioBar(each.share), ratio(each.share)),
  ]);
  return table("plain", ["statistic", "value", "expected", "result", "used"], rows, "Conditions of the spec");
}

function numbersOf(output) {
  const threshold = [`${digits(output.atol)}`, number(output.rtol) ? ` + ${digits(output.rtol)} × |expected|` : ""];
  return [
    ["largest error", digits(output.max_abs_error)],
    ["threshold", output.max_abs_error === undefined ? "" : threshold.join("")],
    ["mean error", digits(output.mean_abs_error)],
    ["largest relative error", digits(output.max_rel_error)],
    ["cosine similarity", precise(output.cosine_similarity)],
    ["PSNR", output.psnr === undefined || output.psnr === null ? "" : `${digits(output.psnr)} dB`],
    ["tokens that match", output.token_match === undefined ? "" : ratio(output.token_match)],
    ["perplexity", digits(output.perplexity)],
    ["elements", digits(output.elements)],
    ["beyond the threshold", digits(output.mismatches)],
    ["NaN", output.nan ? digits(output.nan) : ""],
    ["first beyond it", output.first_mismatch ? `[${output.first_mismatch.join(", ")}]` : ""],
    ["note", output.note],
  ];
}

function precise(value) {
  const known = number(value);
  return known === undefined || known === null ? "" : String(Number(known.toPrecision(9)));
}

// How many errors there are of each size, both on a log scale.
function histogram(output) {
  const found = output.histogram;
  if (!found || !found.counts.length) return null;
  const edges = found.counts.map((_, at) => 2 ** (found.exponent + at));
  const atol = number(output.atol);
  const limit = atol > 0 ? Math.log2(atol) - found.exponent - 0.5 : null;
  const most = found.counts.indexOf(Math.max(...found.counts));
  const label =
    `Histogram of the error of output ${output.index}: from ${edges[0].toExponential(0)} to ` +
    `${(2 * edges.at(-1)).toExponential(0)}, most often about ${edges[most].toExponential(0)}`;
  const configure = () => ({
    type: "bar",
    data: {
      labels: edges.map((each) => each.toExponential(0)),
      datasets: [
        {
          data: found.counts.map((each) => each || null),
          backgroundColor: edges.map((each) => colour(atol > 0 && each >= atol ? "bad" : "accent")),
          barPercentage: 1,
          categoryPercentage: 0.92,
        },
      ],
    },
    options: {
      scales: {
        x: axis("size of the error", { grid: { display: false } }),
        y: axis("elements", { type: "logarithmic", min: 0.7, ticks: { callback: power } }),
      },
      plugins: {
        tooltip: {
          displayColors: false,
          callbacks: {
            title: ([each]) => `error from ${edges[each.dataIndex].toExponential(1)}`,
            label: (each) => `${digits(each.raw)} elements`,
          },
        },
      },
    },
    plugins: limit === null ? [] : [marks("x", [{ value: limit, text: "threshold", name: "text" }])],
  });
  const rows = edges.map((each, at) => [each.toExponential(2), digits(found.counts[at])]);
  return el(
    "figure",
    {},
    el("figcaption", {}, "Errors by size", el("span.quiet", {}, `${digits(found.equal)} elements without error`)),
    chart(label, 210, configure),
    el("details.numbers", {}, el("summary", {}, "Numbers"), table("plain", ["from", "elements"], rows, label)),
  );
}

function power(value) {
  const exponent = Math.log10(value);
  return Number.isInteger(exponent) ? value.toLocaleString("en") : "";
}

// Where the errors are: the last two dimensions in a coarse grid. A cell says how its largest error compares.
function errorMap(output) {
  const found = output.error_map;
  if (!found || !found.rows.length) return null;
  const [high, across] = found.dimensions;
  const cells = found.rows.map((row, at) =>
    el("tr", {}, el("th.unseen", { scope: "row" }, range(high, found.rows.length, at)), [...row].map(mapCell)),
  );
  const named = high > 1 ? `${digits(high)} rows down, ${digits(across)} columns across` : `${digits(across)} elements`;
  return el(
    "figure",
    {},
    el("figcaption", {}, "Where the errors are", el("span.quiet", {}, named)),
    el("table.map", {}, el("caption.unseen", {}, `Largest error by region: 9 is the largest, ${named}`), el("tbody", {}, cells)),
    el("p.quiet.small", {}, "9: more than half of the largest error; each level less is half of that. ×: NaN or infinity."),
  );
}

function range(size, parts, at) {
  return `${Math.floor((at * size) / parts)} to ${Math.floor(((at + 1) * size) / parts) - 1}`;
}

function mapCell(level) {
  const cell = el("td", {}, level === "x" ? "×" : level);
  cell.className = level === "x" ? "stray" : `level${level}`;
  return cell;
}

function worst(output) {
  if (!output.worst?.length) return null;
  const rows = output.worst.map((each) => [
    el("code", {}, `[${each.index.join(", ")}]`),
    each.actual,
    each.expected,
    digits(each.error),
    el("span.together", {}, each.ratio === null || each.ratio === undefined ? "" : ratioBar(each.ratio), ratio(each.ratio)),
  ]);
  const head = ["element", "actual", "expected", "error", "of threshold"];
  return el(
    "div",
    {},
    el("h4", {}, rows.length === 1 ? "Worst element" : `The ${rows.length} worst elements`),
    scrolling(`Worst elements of output ${output.index}`, table("plain.figures", head, rows, "Worst elements")),
  );
}
