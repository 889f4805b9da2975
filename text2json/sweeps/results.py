"""The tidy table of a sweep, one row a cell, and the table of a decomposition, one row a cause."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from text2json.baselines.strategies import parse_spec
from text2json.metrics.intensity import CLASSES
from text2json.sweeps.cells import FIELDS, PAPER, VALID, Cell
from text2json.sweeps.contrasts import Estimate, contrasts
from text2json.sweeps.grid import PARTS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Row = dict[str, Any]
FIGURES = ("score", FIELDS, PAPER, VALID)
MEASURES = (*FIGURES, *(f"{name}_difference" for name in FIGURES))
"""Columns that stand beside the ends of their intervals."""
NUMBERS = (
    *MEASURES, "samples", "records", "places", "gap", *CLASSES, "prompt_tokens", "device_bytes_per_token",
    "device_share", "host_bytes_per_token", "moved_bytes_per_step", "moved_bytes_per_step_with_reuse", "moved_share",
    "seconds_to_first_token", "seconds_per_token", "peak_rss_bytes",
)  # fmt: skip
"""Columns that hold numbers, swept options apart."""
CAUSES: dict[str, tuple[float, ...]] = {
    "budget": (1, 0, 0, -1, 0),
    "selection": (0, -1, 0, 1, 0),
    "stores": (0, 0, -1, 1, 0),
    "together": (0, 1, 1, -1, -1),
    "both": (1, 0, 0, 0, -1),
    "selection alone": (1, -1, 0, 0, 0),
    "stores alone": (1, 0, -1, 0, 0),
}
"""Cause → weights of the scores of five runs: exact, selection alone, stores alone, best selection alone, whole.

The first four add up to `both`, the whole loss: what reading so few tokens costs at best, what the strategy's selection
and what its stores cost beyond that, and what the two cost jointly beyond their sum. The last two are the plain losses.
"""


def rows(cells: Sequence[Cell], baseline: str) -> list[Row]:
    """Return the tidy table; each cell is also compared with the baseline on the same model and data."""
    wanted = parse_spec(baseline).spec
    bases = {cell.place: cell for cell in cells if cell.run.settings.strategy == wanted}
    return [row(cell, bases[cell.place]) for cell in cells]


def row(cell: Cell, base: Cell) -> Row:
    """Return a cell's row."""
    settings, figures, facts, report = cell.run.settings, cell.run.figures, cell.run.model, cell.report
    assert figures is not None
    assert facts is not None
    found: Row = {
        "model": cell.model, "data": cell.data, "task": settings.task or settings.data,
        "strategy": settings.strategy.partition(":")[0], "label": cell.plan.label, "name": cell.plan.name,
        "part": cell.plan.part, "baseline": cell is base, "spec": settings.strategy, **cell.plan.options,
        "metric": report.metric, "samples": report.whole.samples, "records": cell.records,
        "places": report.whole.places, "gap": report.whole.gap,
    }  # fmt: skip
    for name in FIGURES:
        found |= compared(name, cell.shares.get(name), base.shares.get(name))
    tokens = figures.prompt_tokens / report.whole.samples
    found |= {name: _class(cell, name) for name in CLASSES}
    found |= {
        "prompt_tokens": tokens,
        "device_bytes_per_token": figures.device_bytes_per_token,
        "device_share": figures.device_bytes_per_token / facts.full_bytes_per_token,
        "host_bytes_per_token": figures.host_bytes_per_token,
        "moved_bytes_per_step": figures.moved_bytes_per_step,
        "moved_bytes_per_step_with_reuse": figures.moved_bytes_per_step_with_reuse,
        "moved_share": figures.moved_bytes_per_step / (facts.full_bytes_per_token * tokens),
        "seconds_to_first_token": figures.seconds_to_first_token.p50,
        "seconds_per_token": figures.seconds_per_token.p50,
        "peak_rss_bytes": figures.peak_rss_bytes,
        "folder": str(cell.folder),
    }
    return found


def compared(name: str, ours: NDArray[np.float64] | None, base: NDArray[np.float64] | None) -> Row:
    """Return a figure and its difference from the baseline's, both with intervals."""
    keys = [name, f"{name}_low", f"{name}_high"]
    keys += [f"{name}_difference", f"{name}_difference_low", f"{name}_difference_high"]
    if ours is None or base is None:
        return dict.fromkeys(keys)
    alone, apart = contrasts([ours, base], [[1, 0], [1, -1]])
    return dict(zip(keys, [*_parts(alone), *_parts(apart)], strict=True))


def _parts(estimate: Estimate) -> list[float]:
    return [estimate.value, estimate.low, estimate.high]


def _class(cell: Cell, name: str) -> float | None:
    return cell.report.by_intensity[name].score if name in cell.report.by_intensity else None


def decomposition(cells: Sequence[Cell], baseline: str) -> list[Row]:
    """Return for each strategy that was taken apart what each cause costs, in the score and in field F1."""
    wanted = parse_spec(baseline).spec
    at = {(cell.place, cell.run.settings.strategy): cell for cell in cells}
    found = []
    for cell in cells:
        whole = cell.run.settings.strategy
        parts = [at.get((cell.place, f"{prefix}{whole}")) for prefix in PARTS.values()]
        if cell.plan.part != "whole" or None in parts:
            continue
        runs = [at[cell.place, wanted], *(part for part in parts if part is not None), cell]
        for name in ("score", FIELDS):
            if all(name in run.shares for run in runs):
                costs = contrasts([run.shares[name] for run in runs], list(CAUSES.values()))
                found += [_cause(cell, name, cause, cost) for cause, cost in zip(CAUSES, costs, strict=True)]
    return found


def _cause(cell: Cell, name: str, cause: str, cost: Estimate) -> Row:
    return {"model": cell.model, "data": cell.data, "label": cell.plan.label, "name": cell.plan.name,
            "spec": cell.run.settings.strategy,
            **cell.plan.options, "metric": cell.report.metric, "figure": name,
            "cause": cause, "cost": cost.value, "cost_low": cost.low,
            "cost_high": cost.high}  # fmt: skip


def write_table(table: Sequence[Row], path: Path) -> None:
    """Write a table as `path` with `.csv` and with `.parquet`; rows may lack columns that others have."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(dict.fromkeys(name for one in table for name in one))
    filled = [{name: one.get(name) for name in names} for one in table]
    with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(filled)
    arrays = {name: pa.array(_one_kind([one[name] for one in filled])) for name in names}
    pq.write_table(pa.table(arrays), path.with_suffix(".parquet"))


def _one_kind(values: list[Any]) -> list[Any]:
    """Return values as words, where a swept option takes both words and numbers."""
    mixed = any(isinstance(value, str) for value in values) and not all(isinstance(v, str | None) for v in values)
    return [None if value is None else str(value) for value in values] if mixed else values
