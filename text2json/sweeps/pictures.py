"""Pictures of a sweep's tables, as PNG and SVG; matplotlib is imported here and nowhere else.

Colours are Okabe and Ito's, which colour-blind readers tell apart, in an order that also differs in lightness; each
series has its own marker and line as well, so that a print in grey can be read.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from text2json.sweeps.declaration import Picture, Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = dict[str, Any]

STACKED = {
    "budget": "the best selection of as many tokens", "selection": "its own selection beyond that",
    "stores": "its stores beyond that", "together": "both together beyond their sum",
}  # fmt: skip
"""Causes that add up to the whole loss → how the picture calls them."""
WORDS = ("label", "name", "strategy", "data", "model")
"""Columns whose values need no heading in a legend."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#7F7F7F", "#6A3D9A", "#8C564B")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
LINES = ("-", "--", "-.", ":")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++")
STYLE: Any = {
    "figure.figsize": (7.2, 4.4), "figure.dpi": 100, "savefig.dpi": 160, "font.size": 10, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": "#dddddd", "grid.linewidth": 0.6,
    "axes.axisbelow": True, "legend.frameon": False, "legend.fontsize": 9, "svg.fonttype": "path",
    "svg.hashsalt": "text2json", "figure.facecolor": "white",
}  # fmt: skip
NAMES = {
    "score": "score", "field_f1": "field F1", "paper": "paper's score", "records": "records in a document",
    "prompt_tokens": "prompt tokens", "device_bytes_per_token": "device bytes per prompt token",
    "device_share": "device bytes, share of the full cache", "moved_bytes_per_step": "bytes moved per step",
    "moved_share": "bytes moved per step, share of the full cache", "chunk": "keys in a chunk",
    "rank": "rank, share of the key channels", "bits": "bits per channel", "budget": "tokens read, share of the prompt",
}  # fmt: skip
SHARES = ("device_share", "moved_share")
BYTES = ("device_bytes_per_token", "moved_bytes_per_step", *SHARES)
MEASURED = (*BYTES, "prompt_tokens")
LOGARITHMIC = (*MEASURED, "chunk", "rank", "bits", "budget")


def draw(sweep: Sweep, table: Sequence[Row], apart: Sequence[Row], folder: Path) -> dict[str, tuple[Path, str]]:
    """Draw every picture of a sweep below `folder`.

    Returns:
        For each picture its title, the path of its SVG, and what it shows in words.
    """
    import matplotlib
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    with matplotlib.rc_context(STYLE):
        for number, picture in enumerate(sweep.pictures, start=1):
            figure = Figure(layout="constrained")
            words = DRAWERS[picture.kind](figure, picture, _rows(picture, table, apart))
            title = picture.title or f"{_name(picture.y)} against {_name(picture.x)}"
            stem = f"{number}-{re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')}"
            figure.savefig(folder / f"{stem}.png")
            figure.savefig(folder / f"{stem}.svg", metadata={"Date": None})
            drawn[title] = folder / f"{stem}.svg", words
    return drawn


def _rows(picture: Picture, table: Sequence[Row], apart: Sequence[Row]) -> list[Row]:
    if picture.kind == "decomposition":
        return [row for row in apart if row["figure"] == picture.y]
    return [row for row in table if row["part"] == "whole"]


def lines(figure: Figure, picture: Picture, table: Sequence[Row]) -> str:
    """Draw a figure with its intervals over a swept value, one line a series; the baseline as a band where it has none.

    Returns:
        The picture in words.
    """
    axes = figure.add_subplot()
    for row in (one for one in table if one["baseline"] and one.get(picture.x) is None):
        axes.axhspan(row[f"{picture.y}_low"], row[f"{picture.y}_high"], color="#eeeeee", zorder=0)
        axes.axhline(row[picture.y], color="#555555", linewidth=1, linestyle=(0, (1, 1)), zorder=1,
                     label=f"{_series(row, picture)} and its interval")  # fmt: skip
    groups = _groups([row for row in table if row.get(picture.x) is not None], picture)
    values = [float(row[picture.x]) for group in groups.values() for row in group]
    wide = max(values, default=0.0) - min(values, default=0.0)
    for place, (name, group) in enumerate(groups.items()):
        group = sorted(group, key=lambda row: float(row[picture.x]))
        beside = place - (len(groups) - 1) / 2  # so that intervals at one place can be told apart
        shifted = [row | {picture.x: _beside(row[picture.x], beside, wide, picture.x in LOGARITHMIC)} for row in group]
        _marks(axes, picture, shifted, label=name, linestyle=LINES[place % len(LINES)], **_look(place))
    _label(axes, picture, [row for group in groups.values() for row in group])
    return f"{len(groups)} lines: {', '.join(groups)}."


def points(figure: Figure, picture: Picture, table: Sequence[Row]) -> str:
    """Draw a figure with its intervals over bytes, one mark a cell, and the frontier: what nothing cheaper beats.

    Returns:
        The picture in words.
    """
    axes = figure.add_subplot()
    shown = [row for row in table if row[picture.x] > 0]
    groups = _groups(shown, picture)
    for place, (name, group) in enumerate(groups.items()):
        _marks(axes, picture, group, label=name, linestyle="none", **_look(place))
    best = frontier([(float(row[picture.x]), float(row[picture.y])) for row in shown])
    axes.step(*zip(*best, strict=True), where="post", color="#999999", linewidth=1, zorder=0, label="frontier")
    _label(axes, picture, shown)
    free = [_series(row, picture) for row in table if row[picture.x] == 0]
    if free:
        axes.set_xlabel(f"{axes.get_xlabel()} (none: {', '.join(dict.fromkeys(free))})")
    return f"{len(shown)} points of {len(groups)} series: {', '.join(groups)}."


def bars(figure: Figure, picture: Picture, table: Sequence[Row]) -> str:
    """Draw bars with intervals, a group for each data set and a bar for each series.

    Returns:
        The picture in words.
    """
    axes = figure.add_subplot()
    groups = _groups(table, picture)
    data = list(dict.fromkeys(row["data"] for row in table))
    width = 0.8 / len(groups)
    for place, (name, group) in enumerate(groups.items()):
        at = [data.index(row["data"]) - 0.4 + width * (place + 0.5) for row in group]
        axes.bar(at, [row[picture.y] for row in group], width * 0.92, yerr=_bars(group, picture.y), label=name,
                 color=COLOURS[place % len(COLOURS)], hatch=HATCHES[place % len(HATCHES)], edgecolor="white",
                 error_kw={"linewidth": 0.9, "ecolor": "#333333"})  # fmt: skip
    axes.set_xticks(
        range(len(data)), data, rotation=0 if len(data) < 6 else 20, ha="center" if len(data) < 6 else "right"
    )
    axes.set_ylim(0, 1.02)
    axes.set_ylabel(_measure(picture, table))
    axes.grid(visible=False, axis="x")
    figure.legend(loc="outside lower center", ncols=4)
    return f"{len(groups)} bars for each of {', '.join(data)}."


def decomposed(figure: Figure, picture: Picture, apart: Sequence[Row]) -> str:
    """Draw what each cause costs as stacked bars, one bar a strategy, and the whole cost with its interval beside it.

    Returns:
        The picture in words.
    """
    axes = figure.add_subplot()
    names = list(dict.fromkeys(_series(row, picture) for row in apart))
    found = {(_series(row, picture), row["cause"]): row for row in apart}
    reached: dict[tuple[str, bool], float] = {}  # the end of what is stacked so far, above and below nothing
    for place, cause in enumerate(STACKED):
        costs = [float(found[name, cause]["cost"]) for name in names]
        starts = [reached.get((name, cost < 0), 0.0) for name, cost in zip(names, costs, strict=True)]
        reached |= {(name, cost < 0): start + cost for name, cost, start in zip(names, costs, starts, strict=True)}
        axes.bar(range(len(names)), costs, 0.5, bottom=starts, label=STACKED[cause],
                 color=COLOURS[place], hatch=HATCHES[place], edgecolor="white")  # fmt: skip
    wholes = [found[name, "both"] for name in names]
    ends = [[row["cost"] - row["cost_low"] for row in wholes], [row["cost_high"] - row["cost"] for row in wholes]]
    axes.errorbar([at + 0.36 for at in range(len(names))], [row["cost"] for row in wholes], yerr=ends,
                  label="in all, with its 95 % interval", linestyle="none", **_look(4))  # fmt: skip
    axes.axhline(0, color="#333333", linewidth=0.8)
    axes.set_xticks(range(len(names)), [wrap(name, 100 // len(names)) for name in names])
    axes.set_ylabel(f"{_name(picture.y) if picture.y != 'score' else apart[0]['metric']} lost against exact attention")
    axes.grid(visible=False, axis="x")
    figure.legend(loc="outside lower center", ncols=2)
    return f"What {', '.join(names)} lose, by cause."


DRAWERS = {"lines": lines, "points": points, "bars": bars, "decomposition": decomposed}


def frontier(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points (cost, figure) that no point of at most their cost beats, from the cheapest on."""
    best: list[tuple[float, float]] = []
    for cost, figure in sorted(places, key=lambda place: (place[0], -place[1])):
        if not best or figure > best[-1][1]:
            best.append((cost, figure))
    return best


def _groups(table: Sequence[Row], picture: Picture) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in table:
        found.setdefault(_series(row, picture), []).append(row)
    return found


def _series(row: Row, picture: Picture) -> str:
    value = row.get(picture.series)
    if value is None:
        return str(row["label"])
    return str(value) if picture.series in WORDS else f"{_name(picture.series)}: {value}"


def _marks(axes: Axes, picture: Picture, group: Sequence[Row], **look: Any) -> None:
    across, up = ([row[column] for row in group] for column in (picture.x, picture.y))
    axes.errorbar(across, up, yerr=_bars(group, picture.y), **look)


def _bars(group: Sequence[Row], name: str) -> list[list[float]]:
    """Return the distances to both ends of each interval."""
    return [[max(0.0, row[name] - row[f"{name}_low"]) for row in group],
            [max(0.0, row[f"{name}_high"] - row[name]) for row in group]]  # fmt: skip


def _look(place: int) -> dict[str, Any]:
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)], "markersize": 6,
            "linewidth": 1.6, "elinewidth": 0.9, "capsize": 2}  # fmt: skip


def _name(column: str) -> str:
    return NAMES.get(column, column)


def _beside(value: float, steps: float, wide: float, logarithmic: bool) -> float:
    return value * 1.012**steps if logarithmic else value + 0.005 * wide * steps


def wrap(name: str, width: int) -> str:
    """Return `name` in lines of about `width` letters."""
    return "\n".join(textwrap.wrap(name, max(8, width)))


def _measure(picture: Picture, table: Sequence[Row]) -> str:
    """Return what the upward axis shows: the tasks' own measure where they share one."""
    measures = {str(row["metric"]) for row in table}
    return measures.pop() if picture.y == "score" and len(measures) == 1 else _name(picture.y)


def _label(axes: Axes, picture: Picture, table: Sequence[Row]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

    axes.set_xlabel(_name(picture.x))
    axes.set_ylabel(_measure(picture, table))
    axes.set_ylim(-0.02, max(1.02, axes.get_ylim()[1]))
    form = "{:.3g} %" if picture.x in SHARES else "{:,.5g}"
    scale = 100 if picture.x in SHARES else 1
    if picture.x in LOGARITHMIC:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: form.format(scale * value)))
        places = sorted({float(row[picture.x]) for row in table})
        ratio = places[-1] / places[0] if places else 1
        subs = range(1, 10) if ratio < 3 else (1, 2, 3, 4, 5, 7) if ratio < 10 else (1, 2, 5)
        steps = LogLocator(subs=tuple(subs), numticks=20)
        axes.xaxis.set_major_locator(steps if picture.x in MEASURED else FixedLocator(places))
    elif picture.x == "records":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure = axes.get_figure()
    assert figure is not None
    figure.legend(loc="outside right upper")
