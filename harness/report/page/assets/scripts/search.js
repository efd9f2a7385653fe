// A bisection: the path of the search, both sides of the answer, and the commits between them.

function bisectView() {
  const found = index.bisect;
  if (!found) return null;
  return el("div", {}, pathOf(found), sidesOf(found), changesOf(found), attributionOf(found));
}

// Every release of the search in order: those that were tested with their result and when they were tested.
function pathOf(found) {
  const tested = new Map(found.probes.map((each, at) => [each.release, { ...each, at: at + 1 }]));
  const answer = new Set([found.result.first, found.result.last_good, found.result.last_bad, ...(found.result.candidates || [])].filter(Boolean));
  const releases = found.releases.map((release) => {
    const probe = tested.get(release);
    if (!probe) return el("li.untested", {}, el("span.release", {}, release), unseen("not tested"));
    const tally = Object.entries(probe.tally || {}).map(([how, count]) => `${count} ${how}`);
    const runs = tally.length && Object.values(probe.tally).reduce((a, b) => a + b) > 1 ? tally.join(", ") : "";
    const target = index.cases.find((each) => each.release === release);
    const numbers = Object.entries(probe.numbers || {}).filter(([name]) => found.metric?.includes(name));
    return el(
      `li.tested${answer.has(release) ? ".answered" : ""}`,
      {},
      el("span.order", { title: "order of the tests" }, String(probe.at)),
      el("span.release", {}, target ? el("a", { href: caseAddress(target.key) }, release) : release),
      status(probe.verdict),
      el("span.why", {}, [probe.status === "passed" ? "" : `${probe.status}${probe.kind ? `: ${probe.kind}` : ""}`, ...numbers.map(([name, value]) => `${name} ${digits(value)}`), runs].filter(Boolean).join(", ")),
      el("span.seconds", {}, seconds(probe.seconds)),
    );
  });
  const folded = foldUntested(releases);
  const title = `${found.probes.length} of ${found.releases.length} ${found.axis}s tested in ${seconds(found.seconds)}`;
  return section("The search", el("p.quiet", {}, title), el("ol.path", {}, folded));
}

// Several untested releases in a row take one line.
function foldUntested(items) {
  const folded = [];
  let run = [];
  const close = () => {
    if (run.length > 2) folded.push(el("li.untested", {}, el("span.release", {}, `${run.length} not tested: ${run[0].firstChild.textContent} to ${run.at(-1).firstChild.textContent}`)));
    else folded.push(...run);
    run = [];
  };
  for (const item of items) {
    if (item.className === "untested") run.push(item);
    else {
      close();
      folded.push(item);
    }
  }
  close();
  return folded;
}

function sidesOf(found) {
  const before = found.result.last_good || found.result.last_bad;
  const names = [before, found.result.first].filter(Boolean);
  if (names.length < 2) return null;
  const probes = names.map((name) => found.probes.find((each) => each.release === name));
  const listed = names.map((name) => index.cases.find((each) => each.release === name));
  const row = (title, of) => [title, ...names.map((_, at) => of(probes[at] || {}, listed[at] || {}))];
  const numbers = [...new Set(probes.flatMap((each) => Object.keys(each?.numbers || {})))];
  const differing = numbers.filter((name) => probes[0]?.numbers?.[name] !== probes[1]?.numbers?.[name]);
  const rows = [
    row("result", (probe) => (probe.verdict ? status(probe.verdict) : "")),
    row("status", (probe) => (probe.kind ? `${probe.status}: ${probe.kind}` : probe.status || "")),
    row("reason", (probe) => probe.reason || ""),
    row("of threshold", (_, each) => (each.ratio === undefined ? "" : el("span.together", {}, ratioBar(each.ratio), ratio(each.ratio)))),
    row("commit", (probe) => el("code", { title: probe.commit }, (probe.commit || "").slice(0, 12))),
    ...differing.map((name) => row(name, (probe) => digits(probe.numbers?.[name]))),
  ].filter(([, ...cells]) => cells.some(Boolean));
  const link = /^https:\/\/github\.com\//.test(found.compare_url || "") ? el("p", {}, el("a", { href: found.compare_url, rel: "noreferrer" }, "The commits between them")) : null;
  const commands = names.filter((name) => found.commands[name]).map((name) => commandLine(`with ${name}`, found.commands[name]));
  return section("Both sides", scrolling("Both sides", table("plain.sides", ["", ...names], rows, "Both sides of the change")), link, commands);
}

function changesOf(found) {
  const rows = (found.changes || []).map((each) => [
    each.last,
    each.first || "unclear",
    /^https:\/\/github\.com\//.test(each.compare_url || "") ? el("a", { href: each.compare_url, rel: "noreferrer" }, "commits") : "",
  ]);
  return rows.length ? section("Every change", table("plain", ["before", "after", ""], rows, "Every change")) : null;
}

function attributionOf(found) {
  if (!found.attribution) return null;
  return section("Compiler or runtime?", el("p", {}, `The change is carried by: ${found.attribution.carrier}.`));
}
