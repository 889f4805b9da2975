"""The pictures of a diagnosis, as PNG and SVG: colours that colour-blind people tell apart, and signs beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from text2json.baselines.diagnosis.summary import Total
from text2json.errors import InputError
from text2json.metrics.counts import RIGHT
from text2json.schemas.diagnosis import BADLY_REBUILT, NOT_SELECTED, OWN_MISTAKE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""Okabe and Ito's palette without its yellow, which is too light for lines."""
MARKERS = "osD^vPX"
DASHES = ("-", "--", "-.", ":")
_CAUSES = (
    (NOT_SELECTED, "not selected", "#D55E00", "//"),
    (BADLY_REBUILT, "badly rebuilt", "#0072B2", ".."),
    (OWN_MISTAKE, "own mistake", "#BBBBBB", ""),
)
_ANNOTATED = 96
"""Cells of a heat map up to which each carries its number."""
_BINS = 5

PICTURES = {
    "evidence": "Evidence recall by layer and head",
    "mass": "Attention mass recovered by layer",
    "errors": "Where the error comes from",
    "prediction": "Evidence recall and right leaves",
}
"""File name → title."""


def draw_all(totals: Sequence[Total], folder: Path) -> list[str]:
    """Draw every picture into `folder`; return their names.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise InputError("pictures need matplotlib", remedy="pip install 'text2json[analysis]'") from None
    folder.mkdir(parents=True, exist_ok=True)
    settings: dict[Any, Any] = {
        "svg.hashsalt": "text2json", "svg.fonttype": "path", "font.size": 9, "axes.spines.top": False,
        "axes.spines.right": False, "figure.constrained_layout.use": True, "hatch.linewidth": 0.6,
    }  # fmt: skip
    shown = [total for total in totals if total.sums]
    drawings = {"evidence": evidence, "mass": mass, "errors": errors, "prediction": prediction}
    with mpl.rc_context(settings):
        for name in PICTURES if shown else ():
            figure = drawings[name](shown, Figure)
            figure.savefig(folder / f"{name}.png", dpi=160)
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    return list(PICTURES) if shown else []


def evidence(totals: Sequence[Total], make: type[Figure]) -> Figure:
    """Draw a map of layers and heads for each strategy, beside one of the exact attention on the evidence."""
    layers, heads = totals[0].sums["steps"].shape
    carrying = totals[0].figure("evidence_mass")
    scale = f"\n(black: {np.nanmax(carrying, initial=0):.2f})" if carrying.size > _ANNOTATED else ""
    cells: list[tuple[str, Any, str, float | None]] = [("exact attention on evidence" + scale, carrying, "Greys", None)]
    cells += [(short(total.strategy), total.figure("evidence_recall"), "cividis", 1.0) for total in totals]
    across = min(len(cells), 4 if heads <= 8 else 3)
    down = -(-len(cells) // across)
    size = (across * max(1.9, 0.16 * heads + 1.1), down * max(1.7, 0.19 * layers + 0.9))
    figure = make(figsize=size)
    axes = figure.subplots(down, across, squeeze=False)
    image = None
    for axis, (title, values, colours, top) in zip(axes.flat, cells, strict=False):
        image = _map(axis, title, values, totals[0].layers, colours, top)
    for axis in list(axes.flat)[len(cells) :]:
        axis.axis("off")
    figure.supxlabel("query head")
    figure.supylabel("layer")
    if image is not None:
        figure.colorbar(image, ax=axes, label="evidence recall", shrink=0.8)
    return figure


def _map(axis: Axes, title: str, values: Any, layers: Sequence[int], colours: str, top: float | None) -> Any:
    limit = top if top is not None else max(float(np.nanmax(values, initial=0.0)), 1e-9)
    image = axis.imshow(values, cmap=colours, vmin=0, vmax=limit, aspect="auto", origin="upper")
    axis.set_title(title, fontsize=8)
    step = max(1, len(layers) // 8)
    axis.set_yticks(range(0, len(layers), step), [str(layer) for layer in layers[::step]])
    heads = values.shape[1]
    axis.set_xticks(range(0, heads, max(1, heads // 8)))
    axis.tick_params(length=0)
    if values.size <= _ANNOTATED:
        for (row, column), value in np.ndenumerate(values):
            if not np.isnan(value):
                light = (value / limit > 0.55) == (colours == "Greys")
                axis.text(column, row, f"{value:.2f}".removeprefix("0") if value < 0.995 else "1",
                          ha="center", va="center", fontsize=7, color="white" if light else "black")  # fmt: skip
    return image


def mass(totals: Sequence[Total], make: type[Figure]) -> Figure:
    """Draw the share of the prompt's attention mass that each strategy reads, layer by layer."""
    figure = make(figsize=(6.4, 3.4))
    axis = figure.subplots()
    for number, total in enumerate(totals):
        by_layer = total.sums["mass_read"].sum(1) / total.sums["mass_prompt"].sum(1).clip(min=1e-30)
        axis.plot(range(len(total.layers)), by_layer, color=COLOURS[number % len(COLOURS)],
                  marker=MARKERS[number % len(MARKERS)], markersize=5, linewidth=1.4,
                  linestyle=DASHES[number % len(DASHES)], label=short(total.strategy))  # fmt: skip
    axis.set_xticks(range(len(totals[0].layers)), [str(layer) for layer in totals[0].layers])
    axis.set(xlabel="layer", ylabel="attention mass recovered", ylim=(0, 1.03))
    axis.grid(axis="y", color="#dddddd", linewidth=0.6)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    return figure


def errors(totals: Sequence[Total], make: type[Figure]) -> Figure:
    """Draw wrong leaves by cause, and the attention output's error by its part."""
    figure = make(figsize=(7.2, 0.34 * len(totals) + 1.6))
    left, right = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(totals))
    start = np.zeros(len(totals))
    for cause, label, colour, hatch in _CAUSES:
        counts = np.array([total.causes()[cause] / max(1, len(total.leaves)) for total in totals])
        left.barh(places, counts, left=start, color=colour, hatch=hatch, edgecolor="white", linewidth=0.5, label=label)
        start += counts
    left.set_yticks(places, [short(total.strategy) for total in totals])
    left.invert_yaxis()
    left.set_xlabel("share of gold leaves that are wrong")
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=3, frameon=False, fontsize=8)
    for shift, name, label, colour, hatch in (
        (-0.2, "selection_error", "by what was not read", "#D55E00", "//"),
        (0.2, "store_error", "by what was rebuilt", "#0072B2", ".."),
    ):
        values = [total.overall(name) or 0.0 for total in totals]
        right.barh(places + shift, values, height=0.38, color=colour, hatch=hatch, edgecolor="white", linewidth=0.5,
                   label=label)  # fmt: skip
    right.set_xlabel("relative error of the attention output")
    figure.legend(*right.get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False, fontsize=8)
    return figure


def prediction(totals: Sequence[Total], make: type[Figure]) -> Figure:
    """Draw how many leaves are right by how much of their evidence was read, counted in two ways."""
    figure = make(figsize=(7.4, 3.2))
    titles = {
        "recall_carried": "tokens read by the heads that carry it",
        "recall_mass": "exact attention on it that was read",
    }
    for axis, (name, title) in zip(figure.subplots(1, 2, sharey=True), titles.items(), strict=True):
        bins = list(_bins(totals, name))
        for place, (right, count) in enumerate(bins):
            share = right / count if count else 0.0
            axis.bar(place, share, width=0.8, color="#56B4E9", edgecolor="black", linewidth=0.6)
            axis.text(place, share + 0.02, f"{share:.2f}\nn={count}" if count else "n=0", ha="center", fontsize=7)
        axis.set_xticks(range(_BINS), [f"{place / _BINS:.1f}-{(place + 1) / _BINS:.1f}" for place in range(_BINS)])
        axis.set(xlabel=f"evidence recall: {title}", ylim=(0, 1.2))
        axis.set_yticks([0, 0.25, 0.5, 0.75, 1])
    figure.axes[0].set_ylabel("share of leaves right")
    return figure


def _bins(totals: Sequence[Total], name: str) -> Iterator[tuple[int, int]]:
    """Yield (right, leaves) of equally wide bins of a recall, over leaves that full attention gets right."""
    known = [(value, leaf.verdict == RIGHT) for total in totals for _, leaf in total.leaves
             if leaf.full_verdict == RIGHT and (value := getattr(leaf, name)) is not None]  # fmt: skip
    for number in range(_BINS):
        inside = [right for value, right in known if min(int(value * _BINS), _BINS - 1) == number]
        yield sum(inside), len(inside)


def short(spec: str, most: int = 3) -> str:
    """Return a strategy's name with its first options, for a label."""
    name, _, options = spec.partition(":")
    first = [option for option in options.split(",") if option.startswith(("budget", "rank", "bits", "window"))][:most]
    return f"{name} ({', '.join(first)})" if first else name
