"""The demo's page: the table and a picture of record F1 against device bytes, in one file that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from text2json.schemas.sample import Sample
from text2json.web_page import scrolling, web_page, write_text

if TYPE_CHECKING:
    from text2json.demo import Row

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 380, 64, 24, 20, 52

# Okabe and Ito's colours, told apart by colour-blind readers; each strategy also has its own shape.
MARKS = {"full": ("#0072B2", "square"), "oracle": ("#009E73", "diamond"),
         "yakv": ("#D55E00", "circle"), "shadowkv": ("#CC79A7", "triangle")}  # fmt: skip

STYLE = """
body { max-width: 860px; }
table { width: 100%; }
th, td { white-space: nowrap; }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .axis { stroke: var(--soft); } svg .grid { stroke: var(--line); } svg .soft { fill: var(--soft); }
pre { border: 1px solid var(--line); padding: .8rem; max-height: 24rem; overflow-y: auto; }
"""


def write_page(path: Path, rows: Sequence[Row], documents: Sequence[Sample], *, seconds: float) -> None:
    """Write the page for `rows` to `path`."""
    tokens = rows[0].figures.prompt_tokens // len(documents)
    example = documents[0]
    body = f"""<main><h1>What KV-cache offloading costs on a task that reads the whole text</h1>
<p>A small model reads {len(documents)} documents of about {tokens} tokens and returns every record in them as JSON.
The same model answers once with its whole KV cache on the device, and then with all but a part of it moved to the
host: at each step a strategy chooses which tokens to read back. A record counts when all of its fields are right.</p>
<h2>Accuracy against memory</h2>
{picture(rows)}
<h2>The figures</h2>
{scrolling("The figures", html_table(rows))}
<p>Bytes are those of the tensors that are kept, summed over all layers: per prompt token for device and host, per
decoded token for what moves from host to device. <code>oracle</code> selects with the exact keys, so it is the bound of
every selector at its budget; its index is not small, and that shows in its device bytes.</p>
<h2>One document, its gold</h2>
<pre tabindex="0">{escape(example.problem)}</pre><pre tabindex="0">{escape(example.answer)}</pre></main>
<footer><p><code>{escape(rows[0].report.signature)}</code></p><p>Made in {seconds:.0f} s.</p></footer>"""
    write_text(path, web_page("text2json demo: what KV-cache offloading costs", body, style=STYLE))


def html_table(rows: Sequence[Row]) -> str:
    """Return the rows as an HTML table."""
    head = ("Strategy", "Record F1", "Field F1", "Paper's score", "Device B/token", "Host B/token", "Moved B/step",
            "First token, s", "Step, ms")  # fmt: skip
    lines = []
    for row in rows:
        figures, report = row.figures, row.report
        cells = (
            row.strategy,
            f"{report.records.f1:.3f}",
            f"{report.fields.f1:.3f}",
            "–" if report.paper is None else f"{report.paper:.1f}",
            f"{figures.device_bytes_per_token:,.0f}",
            f"{figures.host_bytes_per_token:,.0f}",
            f"{figures.moved_bytes_per_step:,.0f}",
            f"{figures.seconds_to_first_token.p50:.2f}",
            f"{1000 * figures.seconds_per_token.p50:.1f}",
        )
        lines.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def picture(rows: Sequence[Row]) -> str:
    """Return a scatter plot as SVG: device bytes per token on a logarithmic axis, record F1 upwards."""
    values = [row.figures.device_bytes_per_token for row in rows]
    low, high = math.log10(min(values)) - 0.08, math.log10(max(values)) + 0.12

    def x(value: float) -> float:
        return LEFT + (math.log10(value) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Record F1 against device bytes per token">']
    for tenth in range(0, 11, 2):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tenth / 10):.1f}" '
                     f'y2="{y(tenth / 10):.1f}"/><text class="soft" text-anchor="end" x="{LEFT - 8}" '
                     f'y="{y(tenth / 10) + 4:.1f}">{tenth / 10:.1f}</text>')  # fmt: skip
    for value in ticks(10**low, 10**high):
        parts.append(f'<line class="axis" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{HEIGHT - BOTTOM}" '
                     f'y2="{HEIGHT - BOTTOM + 5}"/><text class="soft" text-anchor="middle" x="{x(value):.1f}" '
                     f'y="{HEIGHT - BOTTOM + 20}">{value:,.0f}</text>')  # fmt: skip
    parts.append(f'<path class="axis" d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
                 f'<text text-anchor="middle" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 10}">'
                 "device bytes per prompt token (log scale)</text>"
                 f'<text text-anchor="middle" transform="translate(16 {HEIGHT / 2:.0f}) rotate(-90)">'
                 "record F1</text>")  # fmt: skip
    taken: list[tuple[float, float]] = []
    for row in rows:
        parts.append(point(row, x(row.figures.device_bytes_per_token), y(row.report.records.f1), taken))
    return "".join(parts) + "</svg>"


def ticks(low: float, high: float) -> list[float]:
    """Return the numbers 1, 2 and 5 times a power of ten between `low` and `high`."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10.0**power for power in powers for step in (1, 2, 5) if low <= step * 10.0**power <= high]


def point(row: Row, x: float, y: float, taken: list[tuple[float, float]]) -> str:
    """Return a strategy's mark with its label, moved until it meets no label in `taken`."""
    colour, shape = MARKS[row.strategy.partition(":")[0]]
    end = x > WIDTH * 0.7
    label_x, label_y = (x - 10 if end else x + 10), min(y + 4, HEIGHT - BOTTOM - 6)
    step = -14 if y > HEIGHT / 2 else 14  # away from the nearer edge
    while any(abs(label_y - other) < 14 and abs(label_x - place) < 170 for place, other in taken):
        label_y += step
    taken.append((label_x, label_y))
    anchor = "end" if end else "start"
    drawing = {
        "square": f'<rect x="{x - 6:.1f}" y="{y - 6:.1f}" width="12" height="12" fill="{colour}"/>',
        "circle": f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6.5" fill="{colour}"/>',
        "diamond": f'<path d="M{x:.1f} {y - 8:.1f}l8 8-8 8-8-8z" fill="{colour}"/>',
        "triangle": f'<path d="M{x:.1f} {y - 8:.1f}l8 14h-16z" fill="{colour}"/>',
    }[shape]
    label = f'<text text-anchor="{anchor}" x="{label_x:.1f}" y="{label_y:.1f}">{escape(row.strategy)}</text>'
    return f"<g><title>{escape(row.strategy)}: {row.report.records.f1:.3f}</title>{drawing}{label}</g>"
