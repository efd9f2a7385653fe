// Elements. Text of others is only ever the text of a node, never markup.

// el("a.name", { href: "#x", onclick: f, "aria-label": "..." }, "text", child, [children]) makes an element.
function el(kind, options = {}, ...content) {
  const [tag, ...classes] = kind.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [name, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...content.flat(3).filter((each) => each !== null && each !== undefined && each !== ""));
  return made;
}

function unseen(text) {
  return el("span.unseen", {}, text);
}

// A part of the page with a heading; nothing without content.
function section(title, ...content) {
  const filled = content.flat(2).filter(Boolean);
  if (!filled.length) return null;
  return el("section", {}, el("h2", {}, title), filled);
}

// A table of names and values.
function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return known.length ? el("dl.facts", {}, known.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])) : null;
}

function table(kind, head, rows, caption) {
  const heads = head.map((each) => el("th", { scope: "col" }, each));
  return el(
    `table.${kind}`,
    {},
    el("caption.unseen", {}, caption),
    el("thead", {}, el("tr", {}, heads)),
    el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell))))),
  );
}

// A table that may be wider than the window; it can be reached and scrolled with the keyboard.
function scrolling(label, content) {
  return el("div.scrolling", { tabindex: 0, role: "region", "aria-label": label }, content);
}

// How wide a part is of what it is in, by the object model: the policy allows no attribute for it.
function wide(element, share) {
  element.style.setProperty("width", `${(100 * Math.max(0, Math.min(1, share))).toFixed(2)}%`);
  return element;
}

function say(text) {
  document.getElementById("said").textContent = text;
}

async function copied(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = el("textarea.unseen", {}, text);
    button.after(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.textContent = "Copied";
  say("Copied");
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

// A command line, and the button that copies it.
function commandLine(label, text) {
  const button = el("button.copy", { type: "button", "aria-label": `Copy the command: ${label}` }, "Copy");
  button.addEventListener("click", () => copied(text, button));
  return el(
    "div.command",
    {},
    el("div.label", {}, el("span", {}, label), button),
    el("pre", { tabindex: 0, "aria-label": label }, el("code", {}, text)),
  );
}
