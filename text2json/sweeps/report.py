"""The report of a sweep: one HTML file with its tables and pictures that needs nothing else; the same as Markdown."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from text2json.sweeps.contrasts import Estimate
from text2json.sweeps.declaration import Sweep
from text2json.web_page import scrolling, web_page, write_text

Row = dict[str, Any]
Table = tuple[list[str], list[list[str]]]
"""Heads and lines."""
STYLE = """
body { max-width: 1000px; } figure { margin: 1rem 0; }
figure img { width: 100%; max-width: 760px; height: auto; background: #fff; }
td, th { white-space: nowrap; } td.spec { white-space: normal; text-align: left; font: 12px/1.4 ui-monospace, monospace;
  overflow-wrap: anywhere; min-width: 16rem; }
"""
SHOWN = {"budget": "budget", "selection": "selection", "stores": "stores", "together": "together", "both": "in all"}
"""Causes in the table of costs → their heads."""
FIGURES = {"score": "score", "field_f1": "field F1"}
COLUMNS = (
    ("device_bytes_per_token", "device B/token", "{:,.0f}"),
    ("device_share", "of full", "{:.1%}"),
    ("moved_bytes_per_step", "moved B/step", "{:,.0f}"),
    ("moved_share", "of full", "{:.2%}"),
    ("seconds_per_token", "step, ms", "{:.1f}"),
)


def write_report(
    path: Path,
    sweep: Sweep,
    table: Sequence[Row],
    apart: Sequence[Row],
    pictures: Mapping[str, tuple[Path, str]],
    signature: str,
) -> None:
    """Write the report.

    Args:
        path: of the HTML file.
        sweep: the declaration.
        table: of the cells.
        apart: of the decomposition; may be empty.
        pictures: title → the SVG, and the picture in words.
        signature: of the scores.
    """
    parts = [f"<h1>{escape(sweep.title)}</h1>", f"<p>{escape(sweep.about)}</p>" if sweep.about else ""]
    parts += [picture(title, file, words) for title, (file, words) in pictures.items()]
    if apart:
        parts += ["<h2>What each cause costs</h2>", COSTS, scrolling("Costs", _html(*costs(apart)))]
    parts += ["<h2>Every cell</h2>", scrolling("Cells", _html(*cells(table))), NOTES]
    parts += [f"<footer><p><code>{escape(signature)}</code></p></footer>"]
    write_text(path, web_page(sweep.title, f"<main>{''.join(parts)}</main>", style=STYLE))


COSTS_SAID = """Score lost against exact attention on the same samples, with 95 % intervals. The first four add up to
the last: what reading so few tokens costs at best (the best selection, exact keys and values); what the strategy's own
selection costs beyond that; what its stores cost beyond that; and what the two cost together beyond their sum."""
NOTES_SAID = """Differences are from the baseline on the same model and samples, with 95 % intervals by the paired
bootstrap. Bytes are those of the tensors that are kept, all layers together."""
COSTS = f"<p>{COSTS_SAID}</p>"
NOTES = f"""<p>{NOTES_SAID} The same table stands beside this page as <code>results.csv</code> and
<code>results.parquet</code>.</p>"""


def picture(title: str, file: Path, words: str) -> str:
    """Return a picture, with its SVG inside the page."""
    code = base64.b64encode(file.read_bytes()).decode("ascii")
    return (f'<figure><h2>{escape(title)}</h2><img alt="{escape(f"{title}. {words}")}" '
            f'src="data:image/svg+xml;base64,{code}"></figure>')  # fmt: skip


def write_markdown(
    path: Path, sweep: Sweep, table: Sequence[Row], apart: Sequence[Row], pictures: Mapping[str, tuple[Path, str]]
) -> None:
    """Write the tables, and links to the PNG pictures, as `write_report` does, for a page that is kept with a text."""
    parts = [f"# {escape(sweep.title, quote=False)}", escape(sweep.about.strip(), quote=False)]
    for title, (file, words) in pictures.items():
        parts.append(f"![{escape(f'{title}. {words}')}]({file.parent.name}/{file.stem}.png)")
    if apart:
        parts += ["## What each cause costs", COSTS_SAID, _markdown(*costs(apart))]
    parts += ["## Every cell", NOTES_SAID, _markdown(*cells(table))]
    write_text(path, "\n\n".join(part for part in parts if part) + "\n")


def cells(table: Sequence[Row]) -> Table:
    """Return the heads and lines of the table of cells; the last column is the whole strategy."""
    several = {name: len({row[name] for row in table}) > 1 for name in ("model", "data")}
    fields = any(row["field_f1"] is not None for row in table)
    head = ["strategy", *(name for name, shown in several.items() if shown), "score", "difference"]
    head += (["field F1", "difference"] if fields else []) + [name for _, name, _ in COLUMNS] + ["all options"]
    return head, [_line(row, several, fields) for row in table]


def _line(row: Row, several: Mapping[str, bool], fields: bool) -> list[str]:
    cells = [row["name"], *(str(row[column]) for column, shown in several.items() if shown), *figure(row, "score")]
    cells += figure(row, "field_f1") if fields else []
    scaled = row | {"seconds_per_token": 1000 * row["seconds_per_token"]}
    return [*cells, *(form.format(scaled[column]) for column, _, form in COLUMNS), row["spec"]]


def figure(row: Row, name: str) -> list[str]:
    """Return a figure and its difference with their intervals, in words."""
    if row[name] is None:
        return ["–", "–"]
    alone = Estimate(row[name], row[f"{name}_low"], row[f"{name}_high"])
    apart = Estimate(*(row[f"{name}_difference{end}"] for end in ("", "_low", "_high")))
    return [str(alone), apart.signed]


def costs(apart: Sequence[Row]) -> Table:
    """Return the heads and lines of the table of costs, one line a strategy and figure."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for row in (one for one in apart if one["cause"] in SHOWN):
        key = (row["name"], row["model"], row["data"], FIGURES[row["figure"]], row["spec"])
        lines.setdefault(key, []).append(Estimate(row["cost"], row["cost_low"], row["cost_high"]).signed)
    body = [[*key[:4], *costs, key[4]] for key, costs in lines.items()]
    return ["strategy", "model", "data", "figure", *SHOWN.values(), "all options"], body


def _html(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line[:-1])
                   + f'<td class="spec">{escape(line[-1])}</td></tr>' for line in lines)  # fmt: skip
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    bar = chr(92) + "|"
    rows = [head, ["---"] * len(head), *([*line[:-1], f"`{line[-1]}`"] for line in lines)]
    told = ([escape(cell, quote=False).replace("|", bar) for cell in row] for row in rows)
    return "\n".join("| " + " | ".join(row) + " |" for row in told)
