// The table: a row for each entry that is shown, sorted by a click on a column's name.
const COLUMNS = [
  { key: "strategy", title: "Strategy", text: true, name: true },
  { key: "model", title: "Model", text: true, name: true, minor: true },
  { key: "configuration", title: "Configuration", text: true, minor: true },
  { key: "record_f1", title: "Record F1", digits: 3, down: true },
  { key: "field_f1", title: "Field F1", digits: 3, down: true, minor: true },
  { key: "paper", title: "Paper", digits: 1, down: true, minor: true },
  { key: "device_bytes", title: "Device B/token" },
  { key: "host_bytes", title: "Host B/token", minor: true },
  { key: "moved_bytes", title: "Moved B/step" },
  { key: "first_token_s", title: "First token, s", digits: 2, minor: true },
  { key: "step_ms", title: "Step, ms", digits: 1, minor: true },
  { key: "checked", title: "Checked", text: true, minor: true },
  { key: "date", title: "Sent", text: true, down: true, minor: true },
];

const FIRST = 100; // rows that are shown until more are asked for: laying out a thousand takes a while
let most = FIRST;

function classes(column) {
  return [column.text ? "text" : "", column.name ? "name" : "", column.minor ? "minor" : ""].filter(Boolean).join(" ");
}

function sub(text, ...more) {
  return element("span", { class: ["sub", ...more].join(" ") }, element("bdi", {}, text));
}

function strategyCell(entry) {
  const link = element("a", { href: entry.page }, element("bdi", {}, entry.strategy));
  const narrow = element("span", { class: "sub only-narrow" }, element("bdi", {}, entry.model), ", ", element("bdi", {}, entry.configuration));
  return element("th", { scope: "row", class: "text name" }, link, sub(entry.options), narrow);
}

function cell(entry, column) {
  const value = entry[column.key];
  if (column.key === "strategy") return strategyCell(entry);
  const made = element("td", { class: classes(column) });
  if (column.text) made.append(element("bdi", {}, value));
  else made.append(column.digits === undefined ? bytes(value) : number(value, column.digits));
  if (column.key in METRICS) made.append(sub(interval(entry, column.key)));
  if (column.key === "model" && entry.revision) made.append(sub(entry.revision));
  if (column.key === "device_bytes" && entry.device_share !== null) made.append(sub(`${number(100 * entry.device_share, 1)} %`));
  if (column.key === "date") made.append(sub(entry.submitter));
  return made;
}

function row(entry) {
  entry.row ??= element("tr", { "data-id": entry.id }, ...COLUMNS.map((column) => cell(entry, column)));
  return entry.row;
}

function buildTable() {
  const heads = COLUMNS.map((column) => {
    const button = element("button", { type: "button" }, column.title);
    button.addEventListener("click", () => {
      const again = state.sort === column.key;
      setState({ sort: column.key, down: (again ? state.down !== "1" : Boolean(column.down)) ? "1" : "" });
    });
    return element("th", { scope: "col", class: classes(column), "data-key": column.key }, button);
  });
  document.getElementById("more").addEventListener("click", () => {
    most = Infinity;
    show();
    document.getElementById("entries-table").tBodies[0].rows[FIRST].querySelector("a").focus();
  });
  document.getElementById("entries-table").append(
    element("thead", {}, element("tr", {}, ...heads)), element("tbody"),
  );
}

function fillTable(shown) {
  const table = document.getElementById("entries-table");
  for (const head of table.querySelectorAll("thead th")) {
    if (head.dataset.key === state.sort) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  const sorted = [...shown].sort((one, other) => compare(one, other, state.sort, state.down === "1"));
  const nothing = element("tr", {}, element("td", { colspan: String(COLUMNS.length), class: "text" }, "No entry is like that."));
  table.tBodies[0].replaceChildren(...(sorted.length ? sorted.slice(0, most).map(row) : [nothing]));
  const more = document.getElementById("more");
  more.hidden = sorted.length <= most;
  more.textContent = `Show all ${number(sorted.length)} rows`;
}
