"""Run a sweep's cells, each once, and write its table, pictures and report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from text2json.errors import SpecError, did_you_mean
from text2json.sweeps.declaration import Sweep
from text2json.sweeps.equal import as_it_is, budgets, fitted
from text2json.sweeps.grid import DataSet, data_sets, file_name, planned

if TYPE_CHECKING:
    from text2json.baselines.models import LoadedModel
    from text2json.schemas.sample import Sample
    from text2json.sweeps.cells import Cell


@dataclass(frozen=True)
class Machine:
    """Where models are loaded."""

    dtype: str = "auto"
    device: str | None = None


def run_sweep(sweep: Sweep, out: Path, machine: Machine) -> list[Cell]:
    """Run what is not yet finished below `out`, and return every cell.

    Raises:
        SpecError: the sweep names something unknown or impossible; shows before anything is run.
        ModelError: a model cannot be loaded or served.
        DataError: a data set is broken, or a run folder holds another run.
    """
    from text2json.baselines.models import load_model

    check(sweep)
    sets = data_sets(sweep, out)
    for one in sets:
        one.make()
    samples = {one.label: list(islice(one.asked.samples, sweep.limit)) for one in sets}
    cells = []
    for model in sweep.models:
        loaded = load_model(model, dtype=machine.dtype, device=machine.device)
        for one in sets:
            cells += run_cells(sweep, loaded, one, samples[one.label], out)
    return cells


def check(sweep: Sweep) -> None:
    """Refuse what can be told to be wrong before any model is loaded.

    Raises:
        SpecError: it is.
    """
    from text2json.sweeps.cells import FIELDS
    from text2json.sweeps.results import MEASURES, NUMBERS

    planned(sweep, as_it_is)
    for name, values in (("model", sweep.models), ("picture", [str(one) for one in sweep.pictures])):
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise SpecError(f"{name} {twice!r} stands twice", remedy="name it once")
    swept = {name for row in sweep.strategies for name, values in row.options.items()
             if not any(isinstance(value, str) for value in values)}  # fmt: skip
    swept |= {kind for one in ([] if sweep.equal is None else budgets(sweep.equal)) for kind in one}
    for picture in sweep.pictures:
        if picture.kind == "decomposition" and not sweep.decompose:
            raise SpecError("a picture shows a decomposition, and there is none", remedy="add decompose: true")
        up = {"score", FIELDS} if picture.kind == "decomposition" else set(MEASURES)
        across = {*NUMBERS, *swept} if picture.kind in ("lines", "points") else {picture.x}
        for column, known in ((picture.x, across), (picture.y, up)):
            if column not in known:
                raise SpecError(f"a picture shows {column!r}, which it has no numbers of",
                                remedy=did_you_mean(column, known))  # fmt: skip


def run_cells(sweep: Sweep, loaded: LoadedModel, data: DataSet, samples: Sequence[Sample], out: Path) -> list[Cell]:
    """Run one model on one data set under every strategy."""
    from text2json.baselines.run_folder import RunFolder
    from text2json.baselines.runner import RunOptions, run_grid
    from text2json.console import note, progress
    from text2json.sweeps.cells import read_cell

    plans = planned(sweep, fitted(sweep.equal, loaded, samples))
    home = out / "runs" / file_name(data.label) / file_name(loaded.name)
    folders = {plan.spec: RunFolder(home / file_name(plan.spec)) for plan in plans}
    left = sum(not folder.finished() for folder in folders.values())
    note(f"{loaded.name}, {data.label}: {len(samples)} samples, {len(folders)} strategies, {left} of them to run")
    limit = sweep.max_new_tokens or data.asked.max_new_tokens
    options = RunOptions(max_new_tokens=limit, batch_size=sweep.batch_size)
    if left:
        with progress(f"{loaded.name}, {data.label}", len(samples) * len(folders)) as advance:
            run_grid(loaded, folders, samples, data=data.asked.data or "", task=data.asked.spec, options=options,
                     advance=advance)  # fmt: skip
    return [read_cell(folders[plan.spec].path, data.label, plan) for plan in plans]


def conclude(sweep: Sweep, cells: Sequence[Cell], out: Path, *, pictures: bool) -> tuple[list[dict[str, Any]], ...]:
    """Write `results` and, where strategies were taken apart, `decomposition`, with pictures, and the report.

    Returns:
        The rows of both tables; the second may be empty.
    """
    from text2json.sweeps import results
    from text2json.sweeps.report import write_markdown, write_report

    table = results.rows(cells, sweep.baseline)
    results.write_table(table, out / "results")
    apart = results.decomposition(cells, sweep.baseline) if sweep.decompose else []
    if apart:
        results.write_table(apart, out / "decomposition")
    drawn = {}
    if pictures:
        from text2json.sweeps.pictures import draw

        drawn = draw(sweep, table, apart, out / "pictures")
    write_report(out / "index.html", sweep, table, apart, drawn, cells[0].report.signature)
    write_markdown(out / "report.md", sweep, table, apart, drawn)
    return table, apart


def plan_lines(sweep: Sweep, out: Path) -> list[str]:
    """Return what a sweep would run, one line a cell; byte budgets are named, not solved.

    Raises:
        SpecError: the sweep names something unknown or impossible.
    """
    check(sweep)
    asked = [""]
    if sweep.equal is not None:
        asked = [f"  at {' and '.join(f'{amount:g} {kind} bytes' for kind, amount in budget.items())}"
                 for budget in budgets(sweep.equal)]  # fmt: skip
    plans = planned(sweep, as_it_is)
    specs = [plans[0].spec, *(f"{plan.spec}{budget}" for plan in plans[1:] for budget in asked)]
    return [f"{model}  {data.label}  {spec}" for model in sweep.models for data in data_sets(sweep, out)
            for spec in specs]  # fmt: skip
