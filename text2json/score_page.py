"""The score as a page: figures, errors, and document, gold and prediction side by side with every error coloured.

One file that needs nothing else: no script, no request. All texts are data and are escaped.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from text2json.metrics.counts import HALLUCINATED, MISSING, RIGHT, WRONG, Counts, Verdict
from text2json.metrics.flatten import written
from text2json.metrics.parse import parse
from text2json.metrics.record_schema import record_schema
from text2json.metrics.report import ERRORS, Figures, Report, SampleScore
from text2json.schemas.sample import Sample
from text2json.showing import marks
from text2json.web_page import scrolling, web_page, write_text

MOST = 50
"""Samples on a page: the worst ones."""
_LONGEST = 200_000
_CAUSES = {
    "other_record": "value of another record",
    "near_miss": "near miss",
    "elsewhere": "from elsewhere in the document",
    "invented": "not in the document",
    "unplaced": "wrong value",
}
_TITLES = {"domain": "domain", "characters": "characters of the prompt", "records": "number of gold records"}
_SIGNS = {RIGHT: "✓", WRONG: "≠", MISSING: "−", HALLUCINATED: "+"}

STYLE = """
:root { --right: #00694f; --wrong: #a34700; --missing: #0059a3; --hallucinated: #94327a; }
@media (prefers-color-scheme: dark) { :root {
  --right: #4fd0a8; --wrong: #f0a060; --missing: #7ab8f5; --hallucinated: #e59bd0; } }
body { max-width: 1500px; }
details { border: 1px solid var(--line); border-radius: 4px; margin: .5rem 0; padding: 0 .8rem; }
summary { cursor: pointer; padding: .5rem 0; }
.sides { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1.2rem; align-items: start; }
@media (max-width: 900px) { .sides { grid-template-columns: minmax(0, 1fr); } }
pre { margin: 0 0 1rem; max-height: 80vh; overflow-y: auto; }
.records table { width: 100%; margin-bottom: 1rem; table-layout: fixed; }
.records th, .records td { text-align: left; vertical-align: top; overflow-wrap: anywhere; font-weight: 400; }
.records caption { text-align: left; font-weight: 600; }
.records tr > :first-child { width: 9rem; }
.right { --c: var(--right); } .wrong { --c: var(--wrong); }
.missing { --c: var(--missing); } .hallucinated { --c: var(--hallucinated); }
mark { color: inherit; background: color-mix(in srgb, var(--c) 18%, transparent); border-bottom: 2px solid var(--c); }
.records tr.wrong, .records tr.missing, .records tr.hallucinated {
  background: color-mix(in srgb, var(--c) 14%, transparent); }
.sign { color: var(--c); font-weight: 700; }
"""


def worst(details: Iterable[SampleScore], most: int = MOST) -> list[SampleScore]:
    """Return the samples with the lowest record F1, then field F1."""
    return sorted(details, key=lambda s: (s.records.f1, s.fields.f1, s.id))[:most]


def write_page(
    path: Path,
    report: Report,
    shown: Sequence[SampleScore],
    samples: Iterable[Sample],
    outputs: Mapping[str, str | None],
) -> None:
    """Write the page.

    Args:
        path: of the HTML file.
        report: what was scored.
        shown: the samples to show, with their verdicts.
        samples: the data, in which those samples are looked up.
        outputs: id → what the model wrote.
    """
    wanted = {score.id for score in shown}
    found = {sample.id: sample for sample in samples if sample.id in wanted}
    details = "".join(sample_part(score, found[score.id], outputs.get(score.id)) for score in shown)
    few = f"The {len(shown)} worst of {report.samples} samples." if len(shown) < report.samples else ""
    legend = ", ".join(
        f'<span class="{name}"><span class="sign">{sign}</span> {name}</span>' for name, sign in _SIGNS.items()
    )
    body = f"""<main><h1>Record F1 {report.records.f1:.3f}, field F1 {report.fields.f1:.3f}</h1>
<p>{report.samples} samples: {escape(", ".join(f"{name} {number}" for name, number in report.statuses.items()))}.
Intervals are 95 %, by a bootstrap over samples.</p>
{scrolling("Figures", _figures(report))}
<h2>Beside them</h2>{scrolling("Beside them", _more(report))}
<h2>Errors</h2>{scrolling("Errors", errors_table(report.errors))}
<h2>Fields</h2>{scrolling("Fields", _counts("field", report.by_field.items()))}
{"".join(_groups(kind, report) for kind in report.groups)}
<h2>Samples</h2><p>{few} In the tables and, where the data says which place states a value, in the document: {legend}.
</p>{details}</main>
<footer>{escape(report.signature)}</footer>"""
    write_text(path, web_page(f"text2json score: record F1 {report.records.f1:.3f}", body, style=STYLE))


def _figures(report: Report) -> str:
    def row(name: str, figures: Figures) -> str:
        low, high = figures.f1_interval
        return (
            f'<tr><th scope="row">{name}</th><td>{figures.precision:.3f}</td><td>{figures.recall:.3f}</td>'
            f"<td>{figures.f1:.3f}</td><td>{low:.3f} to {high:.3f}</td><td>{figures.raw_f1:.3f}</td></tr>"
        )

    paper = ""
    if report.paper is not None and report.paper_interval is not None:
        low, high = report.paper_interval
        paper = (
            f'<tr><th scope="row">paper\'s score</th><td></td><td></td><td>{report.paper:.2f} of 100</td>'
            f"<td>{low:.2f} to {high:.2f}</td><td></td></tr>"
        )
    return (
        '<table><tr><th scope="col">figure</th><th scope="col">precision</th><th scope="col">recall</th>'
        '<th scope="col">F1</th><th scope="col">interval</th><th scope="col">as written</th></tr>'
        f"{row('records', report.records)}{row('fields', report.fields)}{paper}</table>"
    )


def _more(report: Report) -> str:
    def between(interval: tuple[float, float]) -> str:
        return f"{interval[0]:.3f} to {interval[1]:.3f}"

    rows = [
        ("record F1, mean over samples", f"{report.macro_record_f1:.3f}", between(report.macro_record_f1_interval)),
        ("field F1, mean over samples", f"{report.macro_field_f1:.3f}", between(report.macro_field_f1_interval)),
        ("exact documents", f"{report.exact_documents:.3f}", between(report.exact_documents_interval)),
        ("schema-valid", f"{report.schema_valid:.3f}", ""),
    ]
    rows += [
        (f"floor: {name} answer, records / fields", f"{floor['records']:.3f} / {floor['fields']:.3f}", "")
        for name, floor in report.floors.items()
    ]
    if report.salvaged is not None:
        rows.append(("with salvage, records / fields", "{records:.3f} / {fields:.3f}".format(**report.salvaged), ""))
    if report.duplicate_keys:
        rows.append(("duplicate keys, the last of which count", str(report.duplicate_keys), ""))
    if not report.exact:
        rows.append(("samples aligned greedily for their size", str(report.limits["greedy"]), ""))
    cells = "".join(f'<tr><th scope="row">{n}</th><td>{value}</td><td>{told}</td></tr>' for n, value, told in rows)
    return (
        '<table><tr><th scope="col">figure</th><th scope="col">value</th><th scope="col">interval</th></tr>'
        f"{cells}</table>"
    )


def errors_table(errors: Mapping[str, int]) -> str:
    """Return how often each kind of error stands in the samples, as HTML."""
    rows = "".join(
        f'<tr><th scope="row">{escape(ERRORS.get(kind, kind))}</th><td>{number:,}</td></tr>'
        for kind, number in errors.items()
    )
    return f"<table>{rows}</table>"


def _counts(title: str, rows: Iterable[tuple[str, Counts]]) -> str:
    cells = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{c.precision:.3f}</td><td>{c.recall:.3f}</td>'
        f"<td>{c.f1:.3f}</td></tr>"
        for name, c in rows
    )
    return (
        f'<table><tr><th scope="col">{title}</th><th scope="col">precision</th><th scope="col">recall</th>'
        f'<th scope="col">F1</th></tr>{cells}</table>'
    )


def _groups(kind: str, report: Report) -> str:
    groups = report.groups[kind]
    if len(groups) < 2:
        return ""
    table = _counts(kind, [(name, group.records) for name, group in groups.items()])
    title = f"Records by {_TITLES[kind]}"
    return f"<h2>{title}</h2>{scrolling(title, table)}"


def sample_part(score: SampleScore, sample: Sample, output: str | None, around: int | None = None) -> str:
    """Return document, gold and prediction of one sample side by side, as HTML.

    Args:
        score: with its verdicts.
        sample: what was asked.
        output: what the model wrote.
        around: leave out what is further than so many characters from every marked place; None keeps the whole text.
    """
    verdicts = {(v.gold, v.field): v for v in score.verdicts}
    parsed = parse(output, single=record_schema(sample.schema).single)
    text = escape((output or "")[:_LONGEST]) or "(none)"
    raw = "" if parsed.records else f'<h3>Output</h3><pre tabindex="0">{text}</pre>'
    counts = f"{score.status}, {score.records.gold} gold, {score.records.predicted} predicted"
    figures = f"record F1 {score.records.f1:.3f} · field F1 {score.fields.f1:.3f}"
    return (
        f'<details><summary><b>{escape(score.id)}</b> · {figures} · <span class="soft">{counts}</span></summary>'
        f'<div class="sides"><pre tabindex="0">{_document(sample, verdicts, around)}</pre>'
        f'<div class="records">{raw}{"".join(_records(score, sample, parsed.records))}</div></div></details>'
    )


def _document(sample: Sample, verdicts: Mapping[tuple[int | None, str], Verdict], around: int | None) -> str:
    parts, last = [], 0
    for start, end, record, path in marks(sample):
        field = re.sub(r"(\[\d+\])+$", "", path.partition("].")[2])
        verdict = verdicts.get((record, field))
        kind = verdict.verdict if verdict is not None else MISSING
        parts += [
            _shortened(sample.problem[last:start], around),
            f'<mark class="{kind}" title="record {record}, {escape(field)}: {kind}">',
            f"{escape(sample.problem[start:end])}</mark>",
        ]
        last = end
    return "".join(parts) + _shortened(sample.problem[last:][:_LONGEST], around)


def _shortened(text: str, around: int | None) -> str:
    """Return the text, without its middle where that is long, as HTML."""
    if around is None or len(text) <= 3 * around:
        return escape(text)
    start, end = text[:around].rpartition(" ")[0], text[-around:].partition(" ")[2]  # whole words
    left_out = f' <span class="soft">[{len(text) - len(start) - len(end):,} characters left out]</span> '
    return escape(start) + left_out + escape(end)


def _records(score: SampleScore, sample: Sample, predicted: Sequence[Any]) -> Iterator[str]:
    answer = sample.records()
    gold = [written(record) for record in (answer if isinstance(answer, list) else [answer])]
    given = [written(record) for record in predicted]
    rows: dict[tuple[int | None, int | None], list[Verdict]] = defaultdict(list)
    for verdict in score.verdicts:
        rows[verdict.gold, verdict.predicted].append(verdict)
    for (one, other), items in rows.items():
        caption = f"record {one}" if one is not None else f"prediction {other}: no such record"
        caption += ": missing" if other is None else ""
        cells = "".join(
            f'<tr class="{v.verdict}"><th scope="row"><span class="sign">{_SIGNS[v.verdict]}</span> '
            f"{escape(v.field)}</th><td>{_value(gold, one, v.field)}</td><td>{_value(given, other, v.field)}"
            + (f'<br><span class="soft">{_CAUSES[v.cause]}</span>' if v.cause else "")
            + "</td></tr>"
            for v in items
        )
        yield (
            f'<table><caption>{caption}</caption><tr><th scope="col">field</th><th scope="col">gold</th>'
            f'<th scope="col">predicted</th></tr>{cells}</table>'
        )


def _value(records: Sequence[Mapping[str, Any]], place: int | None, field: str) -> str:
    if place is None or field not in records[place]:
        return ""
    value = records[place][field]
    return escape((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:_LONGEST])
