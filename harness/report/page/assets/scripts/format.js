// Numbers in words. The strings "inf", "-inf" and "nan" stand for numbers that JSON cannot write.

const ODD = { inf: Infinity, "-inf": -Infinity, nan: NaN };

function number(value) {
  return typeof value === "string" ? (value in ODD ? ODD[value] : NaN) : value;
}

function digits(value) {
  const known = number(value);
  if (known === null || known === undefined) return "";
  if (Number.isInteger(known)) return known.toLocaleString("en");
  if (!Number.isFinite(known)) return String(known).replace("Infinity", "∞");
  const [size, text] = [Math.abs(known), known.toPrecision(4)];
  return size < 1e-3 || size >= 1e6 ? Number(text).toExponential().replace("e+", "e") : String(Number(text));
}

// An error ratio: `9.5%`, `4.2×`.
function ratio(value) {
  const known = number(value);
  if (known === null || known === undefined) return "";
  if (!(known <= 1)) return known === Infinity ? "∞" : known <= 1000 ? `${known.toFixed(known < 10 ? 1 : 0)}×` : ">1000×";
  const percent = 100 * known;
  return percent > 0 && percent < 0.1 ? "<0.1%" : `${percent.toFixed(1).replace(/\.0$/, "")}%`;
}

function seconds(value) {
  const known = number(value) || 0;
  if (known >= 3600) return `${Math.floor(known / 3600)} h ${Math.round((known % 3600) / 60)} min`;
  if (known >= 120) return `${Math.floor(known / 60)} min ${Math.round(known % 60)} s`;
  return `${known.toFixed(known < 10 ? 2 : 1)} s`;
}

function milliseconds(value) {
  const known = number(value);
  const [factor, unit] = known >= 1000 ? [1e-3, "s"] : known >= 0.1 ? [1, "ms"] : [1e3, "µs"];
  return Number.isFinite(known) ? `${Number((known * factor).toPrecision(3))} ${unit}` : "";
}

function bytes(value) {
  let [size, power] = [value, 0];
  while (size >= 1000 && power < 4) [size, power] = [size / 1000, power + 1];
  return `${size.toFixed(Math.min(1, power))} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

function cases(count) {
  return `${count.toLocaleString("en")} ${count === 1 ? "case" : "cases"}`;
}

// What each status looks like: its sign differs as well as its colour.
const STATUSES = {
  failed: ["✗", "bad"],
  xpassed: ["✗", "bad"],
  error: ["!", "trouble"],
  passed: ["✓", "good"],
  ran: ["✓", "good"],
  compiled: ["✓", "good"],
  xfailed: ["~", "quiet"],
  unsupported: ["–", "quiet"],
  skipped: ["–", "quiet"],
  good: ["✓", "good"],
  bad: ["✗", "bad"],
  skip: ["–", "quiet"],
  flaky: ["?", "trouble"],
};

function tone(status) {
  return (STATUSES[status] || ["?", "trouble"])[1];
}

function sign(status) {
  return el(`span.sign.${tone(status)}`, { "aria-hidden": "true" }, (STATUSES[status] || ["?"])[0]);
}

// A status in words with its sign; `kind` says more.
function status(name, kind = "") {
  return el(`span.status.${tone(name)}`, {}, sign(name), kind ? `${name}: ${kind}` : name);
}

// How much of what is allowed is used, as a bar in which a line marks the threshold.
function ratioBar(value) {
  const known = number(value);
  const beyond = !(known <= 1);
  const share = beyond ? 0.7 + 0.3 * (Number.isFinite(known) ? 1 - 1 / known : 1) : 0.7 * known;
  const kind = beyond ? "bad" : known > 0.8 ? "near" : "good";
  const fill = wide(el(`span.fill.${kind}`), known ? Math.max(0.01, share) : 0);
  return el("span.ratio", { "aria-hidden": "true" }, fill, el("span.limit"));
}
