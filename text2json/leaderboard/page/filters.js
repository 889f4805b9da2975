// Which entries are shown, and in which order: chosen by controls, kept in the address after its #.
const FILTERS = {
  configuration: "Configuration", model: "Model", family: "Family", strategy: "Strategy", budget_class: "Device budget",
  checked: "Checked",
};
const START = { sort: "record_f1", down: "1", metric: "record_f1", search: "" };

function commonest(key) {
  const counts = new Map();
  for (const entry of entries) counts.set(entry[key], (counts.get(entry[key]) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
}

// Figures of different configurations do not compare, so that one of them is chosen at first; "" is all.
const start = { ...START, ...Object.fromEntries(Object.keys(FILTERS).map((key) => [key, ""])), configuration: commonest("configuration") };

function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  const found = Object.fromEntries(Object.keys(start).map((key) => [key, given.get(key) ?? start[key]]));
  if (!Object.hasOwn(METRICS, found.metric)) found.metric = start.metric;
  return found;
}

let state = readState();

function setState(changes) {
  state = { ...state, ...changes };
  const different = Object.entries(state).filter(([key, value]) => value !== start[key]);
  history.replaceState(null, "", "#" + new URLSearchParams(different));
  show();
}

function chosen() {
  const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter((entry) => {
    if (Object.keys(FILTERS).some((key) => state[key] !== "" && entry[key] !== state[key])) return false;
    const text = `${entry.model} ${entry.strategy} ${entry.options} ${entry.configuration} ${entry.submitter}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function values(key) {
  const counts = new Map();
  for (const entry of entries) counts.set(entry[key], (counts.get(entry[key]) ?? 0) + 1);
  const order = key === "budget_class" ? data.budget_classes : null;
  return [...counts].sort(([a], [b]) => (order ? order.indexOf(a) - order.indexOf(b) : a.localeCompare(b, "en", { numeric: true })));
}

function labelled(title, control) {
  return element("div", {}, element("label", { for: control.id }, title), control);
}

function buildFilters() {
  const box = document.getElementById("filters");
  for (const [key, title] of Object.entries(FILTERS)) {
    const select = element("select", { id: `filter-${key}` }, element("option", { value: "" }, `all (${entries.length})`));
    for (const [value, count] of values(key)) select.append(element("option", { value }, `${value} (${count})`));
    select.addEventListener("change", () => setState({ [key]: select.value }));
    box.append(labelled(title, select));
  }
  const search = element("input", { type: "search", id: "filter-search" });
  search.addEventListener("input", () => setState({ search: search.value }));
  const reset = element("button", { type: "button" }, "Reset");
  reset.addEventListener("click", () => setState(start));
  box.append(labelled("Any name", search), reset);
}

function fillFilters() {
  for (const key of [...Object.keys(FILTERS), "search"]) {
    const control = document.getElementById(`filter-${key}`);
    if (control.value !== state[key]) control.value = state[key];
  }
}
