// What the page was made of, and the state that its address has: `#q=clip&status=failed` or `#case=sd3/clip[cpu]`.

const index = JSON.parse(document.getElementById("index").textContent);
index.cases.forEach((each, position) => {
  each.position = position;
  each.text = `${each.key} ${each.status} ${each.kind || ""} ${each.why || ""} ${each.release || ""}`.toLowerCase();
});
const byKey = new Map(index.cases.map((each) => [each.key, each]));

// The order of statuses: first what needs attention.
const ORDER = ["failed", "xpassed", "error", "xfailed", "unsupported", "skipped", "passed", "ran", "compiled"];
const isGreen = (each) => !["failed", "xpassed", "error"].includes(each.status);
const varied = (index.bisect || index.matrix)?.axis || "release"; // what a search varies; all of them are called releases here
const releases = index.releases;
const targets = [...new Set(index.cases.map((each) => each.target || ""))];

const chunks = new Map();

// The data of an element: compressed JSON in base 64.
async function unpacked(element) {
  const source = element.textContent;
  const packed = Uint8Array.from(atob(source), (each) => each.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

// What is shown of a case; decompressed when it is opened for the first time.
async function details(each) {
  const position = Math.floor(each.position / index.chunk);
  if (!chunks.has(position)) chunks.set(position, unpacked(document.querySelectorAll("script.chunk")[position]));
  return (await chunks.get(position))[each.position % index.chunk];
}

function address() {
  return new URLSearchParams(location.hash.slice(1));
}

function caseAddress(key) {
  return `#case=${encodeURIComponent(key).replace(/%2F/g, "/").replace(/%5B/g, "[").replace(/%5D/g, "]")}`;
}

// The address of a file of the results: every part of its path is quoted, so it leads nowhere but there.
function fileAddress(each, path) {
  const { link } = index.runs[each.run || 0];
  const quoted = `${link}/${path}`.split("/").filter((part) => part && part !== ".").map(encodeURIComponent);
  return `./${quoted.join("/")}`;
}
