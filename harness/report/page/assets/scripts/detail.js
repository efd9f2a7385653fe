// The view of one case.

async function showCase(each) {
  const known = await details(each);
  const view = document.getElementById("case");
  view.replaceChildren(
    ...[
      navigation(each),
      headOf(each, known),
      outputsOf(each, known),
      stepsOf(known),
      budgetsOf(known),
      latencyOf(known),
      trendsOf(known),
      logOf(each, known),
      repeatOf(known),
      provenanceOf(each, known),
    ].filter(Boolean),
  );
  view.querySelector("h1").focus({ preventScroll: true });
  scrollTo(0, 0);
}

function navigation(each) {
  const listed = shownCases();
  const at = listed.indexOf(each);
  const step = (to, text, name) =>
    to ? el("a", { href: caseAddress(to.key), title: `${name}: ${to.key}`, rel: name }, text) : el("span.quiet", {}, text);
  return el(
    "nav.steps",
    { "aria-label": "Cases" },
    el("a.back", { href: listAddress() }, "← All cases"),
    el("span.neighbours", {}, step(listed[at - 1], "Previous", "prev"), step(listed[at + 1], "Next", "next")),
  );
}

function headOf(each, known) {
  const release = each.iree ? ` with ${each.release}, IREE ${each.iree}` : each.release ? ` with IREE ${each.release}` : "";
  return el(
    `div.answer.${tone(each.status)}`,
    {},
    el("p.question", {}, status(each.status, each.kind), `${release} · ${seconds(each.seconds)}`),
    el("h1", { tabindex: -1 }, each.id),
    known.why ? el("p.why", {}, known.why) : null,
    (known.devices || []).map((device) => el("p.note", {}, `It ran on ${device}.`)),
    (known.notes || []).map((note) => el("p.note", {}, note)),
    known.oracle ? el("p.note", {}, `The outputs are compared with an oracle: ${known.oracle}.`) : null,
  );
}

function stepsOf(known) {
  const spent = Object.entries(known.seconds || {}).map(([name, value]) => [name, number(value) || 0]);
  const most = Math.max(...spent.map(([, value]) => value), 0.001);
  const rows = spent.map(([name, value]) => [
    name,
    el("span.together", {}, el("span.ratio.plain", { "aria-hidden": "true" }, wide(el("span.fill.accent"), value / most)), seconds(value)),
  ]);
  return rows.length ? section("Steps", table("plain", ["step", "time"], rows, "How long each step took")) : null;
}

function budgetsOf(known) {
  const rows = (known.budgets || []).map((each) => [
    each.statistic ? `${each.name} (${each.statistic})` : each.name,
    each.value === null ? "unknown" : digits(each.value),
    digits(each.limit),
    status(each.exceeded ? "failed" : "passed", each.exceeded ? "exceeded" : ""),
  ]);
  return rows.length ? section("Budgets", table("plain.figures", ["budget", "value", "limit", "result"], rows, "Budgets")) : null;
}

function latencyOf(known) {
  if (!known.latency) return null;
  const { samples_ms: samples, minimum_ms: least, median_ms: median, spread_ms: spread } = known.latency;
  return section(
    "Latency",
    facts([
      ["median", milliseconds(median)],
      ["minimum", milliseconds(least)],
      ["between the quartiles", milliseconds(spread)],
      ["repetitions", digits(samples.length)],
    ]),
    strip("Latency of each repetition", [{ label: "latency", samples }]),
  );
}

function trendsOf(known) {
  return section("History", (known.trends || []).map(trend));
}

function logOf(each, known) {
  const links = Object.entries(known.logs || {}).map(([step, path]) => {
    const href = fileAddress(each, path);
    return el("li", {}, href ? el("a", { href }, path) : path, el("span.quiet", {}, step));
  });
  return section(
    "Logs",
    known.log ? scrolling("End of the log", el("pre.log", {}, known.log)) : null,
    links.length ? el("ul.links", {}, links) : null,
  );
}

function repeatOf(known) {
  const tools = known.by_hand.map((line, at) => commandLine(known.by_hand.length > 1 ? `the tools alone, ${at + 1}` : "the tools alone", line));
  const steps = Object.entries(known.commands).flatMap(([step, lines]) => lines.map((line) => commandLine(step, line)));
  return section("Run it again", commandLine("this case", known.again), tools, collapsed("What the harness ran", steps));
}

function collapsed(title, content) {
  return content.length ? el("details", {}, el("summary", {}, title), content) : null;
}

function provenanceOf(each, known) {
  const run = index.runs[each.run || 0];
  const modules = (known.modules || []).map((module) => [
    el("code.digest", {}, module.sha256),
    bytes(module.bytes),
    module.dispatches === null ? "" : digits(module.dispatches),
    module.cached ? "cached" : seconds(module.compile_seconds),
  ]);
  const blobs = (known.blobs || []).map((blob) => [
    el("span.url", {}, blob.url),
    el("code.digest", {}, blob.sha256),
    bytes(blob.bytes),
    blob.cached ? "cached" : blob.source && blob.source !== blob.url ? blob.source : "fetched",
  ]);
  const about = [["spec", known.path], ["config", known.config], ["run started", run.started], ...run.facts];
  if (known.reused) about.push(["passed before, so not run again", `${known.reused.began}, ${seconds(known.reused.seconds)}`]);
  if (known.peak_memory_bytes) about.push(["peak memory of the run", bytes(known.peak_memory_bytes)]);
  return section(
    "Provenance",
    facts(about),
    listing("Modules", ["SHA-256", "size", "dispatches", "compiled in"], modules),
    listing("Blobs", ["URL", "SHA-256", "size", "from"], blobs),
  );
}

function listing(title, head, rows) {
  return rows.length ? [el("h3", {}, title), scrolling(title, table("plain.figures", head, rows, title))] : [];
}
