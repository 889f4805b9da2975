"""A diagnosis as a person reads it: a table in the terminal, and a page with its pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from text2json.console import table
from text2json.web_page import scrolling, web_page

Row = Mapping[str, Any]

COLUMNS = {
    "record F1": "record_f1",
    "mass": "mass_recovered",
    "overlap": "overlap",
    "key err": "key_error",
    "value err": "value_error",
    "output err": "output_error",
    "evidence": "evidence_recall",
    "any head": "recall_any",
    "carrying": "recall_carried",
    "by mass": "recall_mass",
    "KL": "divergence",
}
"""Heading → figure of a strategy's summary."""
CAUSES = {"not_selected": "not selected", "badly_rebuilt": "badly rebuilt", "own_mistake": "own mistake"}
PREDICTORS = {
    "recall_any": "any head",
    "recall_carried": "carrying",
    "recall_mass": "by mass",
    "divergence": "(KL)",
}
EXPLAINED = {
    "record F1": "records right in every leaf, under the strategy",
    "mass": "share of the exact attention on the prompt that falls on tokens that were read",
    "overlap": "share of the selected tokens that the oracle would have selected too",
    "key err, value err": "relative error of the selected keys and values as they were rebuilt",
    "output err": "relative error of the attention output for the same query",
    "evidence": "share of the tokens that state a value that a head read while the value was written, mean over heads",
    "any head": "the same for all heads together",
    "carrying": "the same for the fewest heads that hold half of all exact attention on the evidence",
    "by mass": "share of all exact attention on the evidence that falls on tokens that were read",
    "KL": "divergence of the next token's distribution from that under full attention, in nats",
}


def number(value: float | None, digits: int = 3) -> str:
    """Return a figure, or a dash for none."""
    return "-" if value is None else f"{value:.{digits}f}"


def render(summary: Row) -> str:
    """Return the summary for a terminal."""
    first = summary["strategies"][0]
    records, fields = number(first["record_f1_full"]), number(first["field_f1_full"])
    parts = [
        f"{summary['model']} on {summary['samples']} samples of {summary['data']}: "
        f"record F1 {records}, field F1 {fields} under full attention",
        table(*_figures(summary)),
        "wrong leaves and why (lost, gained: against full attention)",
        table(*_causes(summary)),
        "does evidence recall predict the score?",
        table(*_correlations(summary, all_rows=False)),
    ]
    return "\n\n".join(parts)


Table = tuple[list[str], list[list[str]]]


def _figures(summary: Row) -> Table:
    rows = [[row["strategy"], *(number(row[name]) for name in COLUMNS.values())] for row in summary["strategies"]]
    return ["strategy", *COLUMNS], rows


def _causes(summary: Row) -> Table:
    rows = [[row["strategy"], str(row["leaves"]), str(row["wrong"]), *(str(row["causes"][name]) for name in CAUSES),
             str(row["lost"]), str(row["gained"])] for row in summary["strategies"]]  # fmt: skip
    return ["strategy", "leaves", "wrong", *CAUSES.values(), "lost", "gained"], rows


def _correlations(summary: Row, *, all_rows: bool) -> Table:
    """Return the correlations of all strategies together, or of each as well."""
    found = list(summary["correlation"].items())
    rows = [[strategy, PREDICTORS[name], _correlation(both["sample"]), _correlation(both["leaf"])]
            for strategy, kinds in (found if all_rows else found[-1:]) for name, both in kinds.items()]  # fmt: skip
    return ["strategy", "recall", "samples: Spearman with field F1", "leaves: point-biserial with right"], rows


def _correlation(one: Row) -> str:
    if one["value"] is None:
        return f"- (n={one['pairs']})"
    low, high = one["interval"] or (float("nan"), float("nan"))
    return f"{one['value']:+.2f} ({low:+.2f} to {high:+.2f}, n={one['pairs']})"


def page(summary: Row, pictures: Path, titles: Mapping[str, str], faults: Sequence[Row]) -> str:
    """Return the page, pictures inside.

    Args:
        summary: of all strategies.
        pictures: the folder of the SVG files.
        titles: file name → title.
        faults: leaves that a strategy lost, to be listed as examples.
    """
    rows = summary["strategies"]
    drawn = "".join(_picture(pictures / f"{name}.svg", title) for name, title in titles.items())
    explained = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in EXPLAINED.items())
    examples = _html_table(
        ["strategy", "sample", "record", "field", "gold", "wrote", "exact attention writes", "cause"],
        [[row["strategy"], row["sample"], row["record"], row["field"], row["gold"], row["wrote"], row["full_writes"],
          CAUSES[row["cause"]]] for row in faults],
    )  # fmt: skip
    body = f"""<main><h1>Where the accuracy goes: {escape(str(summary["model"]))}</h1>
<p>{summary["samples"]} samples of {escape(str(summary["data"]))}. Under full attention record F1 is
{number(rows[0]["record_f1_full"])} and field F1 {number(rows[0]["field_f1_full"])}. Every figure is measured while the
strategy is led along the tokens that full attention writes; scores and causes are those of its own answers.</p>
{scrolling("Figures", _html_table(*_figures(summary)))}<dl>{explained}</dl>
<h2>Wrong leaves and why</h2>
<p>After the tokens that the strategy wrote, exact attention goes wrong too: own mistake. It does not, but the
strategy's selection with exact keys and values does: not selected. That does not either: badly rebuilt. Lost and
gained leaves are counted against full attention.</p>
{scrolling("Causes", _html_table(*_causes(summary)))}
<h2>Does evidence recall predict the score?</h2>
<p>Intervals are 95 %, by a bootstrap over samples; leaves are those that full attention gets right. The divergence
stands beside the kinds of recall for comparison.</p>
{scrolling("Correlations", _html_table(*_correlations(summary, all_rows=True)))}
{drawn}
<h2>Lost leaves</h2><p>The first wrong token of each, the first {len(faults)} of them.</p>
{scrolling("Lost leaves", examples)}</main>
<footer>{escape(str(summary["strategies"][0]["strategy"]))}{" and others" if len(rows) > 1 else ""};
data {escape(str(summary["data_sha256"]))}</footer>"""
    return web_page(f"text2json diagnose: {summary['model']}", body, style=STYLE)


STYLE = """
body { max-width: 1280px; } img { max-width: 100%; height: auto; background: #fff; }
figure { margin: 1.5rem 0; } dt { font-weight: 600; } dd { margin: 0 0 .4rem 1rem; }
"""


def _picture(file: Path, title: str) -> str:
    code = base64.b64encode(file.read_bytes()).decode("ascii")
    return (
        f'<h2>{escape(title)}</h2><figure><img alt="{escape(title)}" src="data:image/svg+xml;base64,{code}"></figure>'
    )


def _html_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    lines = "".join(
        f'<tr><th scope="row">{_cell(first)}</th>' + "".join(f"<td>{_cell(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _cell(value: object) -> str:
    return "-" if value is None else escape(str(value))
