// Charts, drawn by Chart.js in the colours of the page. Each is described in words, and its numbers are in a table too.

const drawn = new Set();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function axis(title, more = {}) {
  return {
    title: { display: Boolean(title), text: title, color: colour("muted") },
    ticks: { color: colour("muted"), maxRotation: 0, autoSkipPadding: 12, ...more.ticks },
    grid: { color: colour("line"), drawTicks: false },
    border: { color: colour("line") },
    ...Object.fromEntries(Object.entries(more).filter(([name]) => name !== "ticks")),
  };
}

// A chart; `configure` is called again for other colours.
function chart(label, height, configure) {
  const canvas = el("canvas", { role: "img", "aria-label": label });
  const box = el("div.chart", {}, canvas);
  box.style.setProperty("height", `${height}px`);
  const each = { canvas, configure, chart: null };
  drawn.add(each);
  requestAnimationFrame(() => draw(each));
  return box;
}

function draw(each) {
  each.chart?.destroy();
  if (!each.canvas.isConnected) return drawn.delete(each);
  const configuration = each.configure();
  each.chart = new Chart(each.canvas, {
    ...configuration,
    options: {
      animation: false,
      maintainAspectRatio: false,
      responsive: true,
      ...configuration.options,
      plugins: { legend: { display: false }, ...configuration.options.plugins },
    },
  });
}

function redraw() {
  [...drawn].forEach(draw);
}

// Draws lines across a chart: `at` are values of the axis `scale`.
function marks(scale, at) {
  return {
    id: "marks",
    afterDatasetsDraw({ ctx, chartArea, scales }) {
      for (const { value, text, name } of at) {
        const where = scales[scale].getPixelForValue(value);
        if (!(where >= chartArea.left && where <= chartArea.right)) continue;
        ctx.save();
        ctx.strokeStyle = ctx.fillStyle = colour(name || "text");
        ctx.setLineDash([4, 3]);
        ctx.beginPath();
        ctx.moveTo(where, chartArea.top);
        ctx.lineTo(where, chartArea.bottom);
        ctx.stroke();
        ctx.font = "12px system-ui, sans-serif";
        const left = where > (chartArea.left + chartArea.right) / 2;
        ctx.textAlign = left ? "right" : "left";
        ctx.fillText(text, where + (left ? -5 : 5), chartArea.top + 12);
        ctx.restore();
      }
    },
  };
}
