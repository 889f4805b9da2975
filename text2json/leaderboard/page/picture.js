// Two pictures of accuracy against bytes. A point names itself on hover and focus, and leads to its entry's page.
const AXES = {
  "by-device": { key: "device_bytes", title: "Device bytes per prompt token" },
  "by-traffic": { key: "moved_bytes", title: "Bytes moved per decoded token" },
};
const SHAPES = [
  "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z", "M-5-5h10v10h-10z", "M0-7l6.5 11.5h-13z", "M0-7l7 7-7 7-7-7z",
  "M0 7l6.5-11.5h-13z", "M-2.5-6.5h5v4h4v5h-4v4h-5v-4h-4v-5h4z", "M0-7l6.5 4.8-2.5 7.7h-8l-2.5-7.7z",
];
const STRATEGIES = [...new Set(entries.map((entry) => entry.strategy))].sort();
const SPACE = { left: 46, right: 14, top: 12, bottom: 44, zero: 34 };
const REACH = 24; // pixels around a point in which the pointer names it
const MOST_WHISKERS = 60;

function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function look(strategy) {
  const place = STRATEGIES.indexOf(strategy);
  return { colour: `s${place % 8}`, shape: SHAPES[place % SHAPES.length] };
}

// What keeps or moves everything is no trade, and neither is moving nothing: they are points beside the line.
function paretoLine(points) {
  const line = [];
  const trades = points.filter((point) => point.bytes > 0 && !point.entry.reference);
  for (const point of trades.sort((a, b) => a.bytes - b.bytes || b.accuracy - a.accuracy)) {
    if (!line.length || point.accuracy > line.at(-1).accuracy) line.push(point);
  }
  return line;
}

// A logarithmic axis, with a place of its own for zero at its left where there is a zero.
function bytesAxis(points, width) {
  const positive = points.map((point) => point.bytes).filter((value) => value > 0);
  const left = SPACE.left + (positive.length < points.length ? SPACE.zero : 0);
  const low = Math.log10(Math.min(...positive, 1e300)) - 0.05, high = Math.log10(Math.max(...positive, 1e-300)) + 0.05;
  const at = (value) => value > 0 ? left + ((Math.log10(value) - low) / (high - low)) * (width - left - SPACE.right) : SPACE.left + SPACE.zero / 2;
  let ticks = [];
  if (positive.length) {
    for (const steps of [[1, 2, 5], [1, 3], [1]]) {
      ticks = [];
      for (let power = Math.floor(low); power <= high; power++) ticks.push(...steps.map((step) => step * 10 ** power));
      ticks = ticks.filter((tick) => Math.log10(tick) >= low && Math.log10(tick) <= high);
      if (ticks.length * 44 <= width - left) break;
    }
  }
  return { at, left, ticks };
}

function accuracyAxis(points, metric, height) {
  const { top, high: end } = METRICS[metric], step = top / 10;
  const seen = points.map((point) => point.accuracy), ends = points.map((point) => point.entry[end] ?? point.accuracy);
  const low = Math.max(0, Math.floor(Math.min(...seen, top) / step) * step);
  const high = Math.max(low + step, Math.min(top, Math.ceil(Math.max(...ends, 0) / step) * step));
  const at = (value) => SPACE.top + ((high - value) / (high - low)) * (height - SPACE.top - SPACE.bottom);
  const ticks = [];
  for (let tick = low; tick <= high + step / 2; tick += (high - low > 5.5 * step ? 2 : 1) * step) ticks.push(tick);
  return { at, ticks, low, high };
}

function short(value) {
  return value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 3 });
}

function story(point, axis) {
  const { entry } = point;
  const metric = METRICS[state.metric];
  const doubt = interval(entry, state.metric);
  return [
    entry.strategy, entry.options, `${entry.model}, ${entry.configuration}`,
    `${metric.title} ${number(point.accuracy, metric.digits)}${doubt ? ` (${doubt})` : ""}`,
    `${axis.title}: ${bytes(point.bytes)}`,
  ].filter(Boolean);
}

function drawAxes(svg, x, y, axis, width, height) {
  const bottom = height - SPACE.bottom;
  for (const tick of y.ticks) {
    svg.append(
      drawn("line", { class: "grid", x1: SPACE.left, x2: width - SPACE.right, y1: y.at(tick), y2: y.at(tick) }),
      drawn("text", { x: SPACE.left - 8, y: y.at(tick) + 4, "text-anchor": "end" }, number(tick, METRICS[state.metric].top === 1 ? 1 : 0)),
    );
  }
  for (const tick of x.left > SPACE.left ? [0, ...x.ticks] : x.ticks) {
    svg.append(
      drawn("line", { class: "axis", x1: x.at(tick), x2: x.at(tick), y1: bottom, y2: bottom + 5 }),
      drawn("text", { x: x.at(tick), y: bottom + 18, "text-anchor": "middle" }, short(tick)),
    );
  }
  svg.append(
    drawn("path", { class: "axis", d: `M${x.left} ${bottom}H${width - SPACE.right}` + (x.left > SPACE.left ? `M${SPACE.left} ${bottom}H${x.left - 8}` : "") }),
    drawn("text", { x: (SPACE.left + width - SPACE.right) / 2, y: height - 6, "text-anchor": "middle" }, `${axis.title.toLowerCase()} (log scale)`),
  );
}

function drawPoints(svg, points, best, x, y) {
  const placed = points.map((point) => ({ ...point, x: x.at(point.bytes), y: y.at(point.accuracy) }));
  const { low, high } = METRICS[state.metric];
  if (points.length <= MOST_WHISKERS) {
    for (const { entry, x: at } of placed.filter((point) => point.entry[low] !== null)) {
      const [from, to] = [entry[low], entry[high]].map((value) => y.at(Math.min(y.high, Math.max(y.low, value))));
      svg.append(drawn("line", { class: `whisker ${look(entry.strategy).colour}`, x1: at, x2: at, y1: from, y2: to }));
    }
  }
  for (const point of placed) {
    const { colour, shape } = look(point.entry.strategy);
    const isBest = best.some((other) => other.entry === point.entry);
    point.link = drawn("a", { class: `point ${colour}${isBest ? " best" : ""}`, href: point.entry.page, tabindex: "-1", "data-id": point.entry.id,
      transform: `translate(${point.x.toFixed(1)} ${point.y.toFixed(1)})` }, drawn("path", { d: shape }));
    svg.append(point.link);
  }
  return placed;
}

function fillPicture(id, shown) {
  const axis = AXES[id], figure = document.getElementById(id);
  const points = shown.filter((entry) => entry[axis.key] !== null && entry[state.metric] !== null)
    .map((entry) => ({ entry, bytes: entry[axis.key], accuracy: entry[state.metric] }));
  const comparable = new Set(points.map((point) => point.entry.configuration)).size === 1;
  const best = comparable ? paretoLine(points) : [];
  const width = Math.max(280, figure.clientWidth), height = Math.round(Math.min(400, Math.max(270, width * 0.6)));
  const x = bytesAxis(points, width), y = accuracyAxis(points, state.metric, height);
  const title = `${METRICS[state.metric].title} against ${axis.title.toLowerCase()}`;
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "group", "aria-label": `${title}: ${points.length} points; arrow keys go from point to point` });
  drawAxes(svg, x, y, axis, width, height);
  if (best.length > 1) {
    const [first, ...rest] = best;
    svg.append(drawn("path", { class: "front", d: `M${x.at(first.bytes)} ${y.at(first.accuracy)}` + rest.map((point) => `H${x.at(point.bytes)}V${y.at(point.accuracy)}`).join("") }));
  }
  const placed = drawPoints(svg, points, best, x, y).sort((a, b) => a.x - b.x || a.y - b.y);
  figure.replaceChildren(element("figcaption", {}, title), svg);
  nameOnRequest(figure, svg, placed, axis);
}
