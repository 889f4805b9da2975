// The entries, and how their values are written. Names come from strangers: they only ever become text.
const data = JSON.parse(document.getElementById("data").textContent);
const entries = data.rows.map((values) => Object.fromEntries(data.columns.map((name, place) => [name, values[place]])));

const METRICS = {
  record_f1: { title: "Record F1", low: "record_f1_low", high: "record_f1_high", digits: 3, top: 1 },
  field_f1: { title: "Field F1", low: "field_f1_low", high: "field_f1_high", digits: 3, top: 1 },
  macro_record_f1: { title: "Macro record F1", low: "macro_record_f1_low", high: "macro_record_f1_high", digits: 3, top: 1 },
  paper: { title: "Paper's score", low: "paper_low", high: "paper_high", digits: 1, top: 100 },
};

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children); // strings become text
  return made;
}

function number(value, digits = 0) {
  return value === null ? "–" : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function bytes(value) {
  return number(value, value !== null && value > 0 && value < 10 ? 1 : 0);
}

function interval(entry, metric) {
  const { low, high, digits } = METRICS[metric];
  return entry[low] === null ? "" : `${number(entry[low], digits)} to ${number(entry[high], digits)}`;
}

function compare(one, other, key, down) {
  const [a, b] = [one[key], other[key]];
  if (a === b) return one.place - other.place;
  if (a === null || b === null) return a === null ? 1 : -1; // what is not known stands last, whichever way
  const order = typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
  return down ? -order : order;
}

entries.forEach((entry, place) => { entry.place = place; });
