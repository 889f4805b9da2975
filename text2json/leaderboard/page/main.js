// Everything is shown anew when a control, the address or the window changes.
function fillLegend(shown) {
  const seen = new Set(shown.map((entry) => entry.strategy));
  document.getElementById("legend").replaceChildren(...STRATEGIES.filter((name) => seen.has(name)).map((name) => {
    const { colour, shape } = look(name);
    const mark = drawn("svg", { viewBox: "-9 -9 18 18", "aria-hidden": "true" }, drawn("g", { class: `point best ${colour}` }, drawn("path", { d: shape })));
    return element("li", {}, mark, element("bdi", {}, name));
  }));
}

function drawPictures(shown) {
  for (const id of Object.keys(AXES)) fillPicture(id, shown);
  const several = new Set(shown.map((entry) => entry.configuration)).size > 1;
  document.getElementById("picture-note").textContent = several
    ? "Choose one configuration to see the Pareto line: figures of different ones are not comparable."
    : "Filled points lie on the Pareto line: none is better for as few bytes. References (full, full-offload) and what moves nothing stand beside it. Bars are 95 % intervals.";
}

let pictured = null;

function show() {
  const shown = chosen();
  fillFilters();
  document.getElementById("metric").value = state.metric;
  fillTable(shown);
  const picture = JSON.stringify({ ...state, sort: "", down: "" });
  if (picture !== pictured) { // another order is no other picture
    pictured = picture;
    fillLegend(shown);
    drawPictures(shown);
  }
  const one = shown.length === 1 ? "entry" : "entries";
  document.getElementById("count").textContent = entries.length ? `${shown.length} ${one} shown of ${entries.length}` : "There are no entries yet.";
}

function buildMetrics() {
  const select = document.getElementById("metric");
  for (const [key, { title }] of Object.entries(METRICS)) {
    if (entries.some((entry) => entry[key] !== null)) select.append(element("option", { value: key }, title));
  }
  select.addEventListener("change", () => setState({ metric: select.value }));
}

buildFilters();
buildMetrics();
buildTable();
show();
addEventListener("hashchange", () => { state = readState(); show(); });
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawPictures(chosen()); } });
