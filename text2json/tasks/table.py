"""The scores of many runs in one table: models with their strategies in rows, tasks in columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from text2json.baselines.run_folder import RunFolder
from text2json.errors import DataError
from text2json.metrics.intensity import CLASSES
from text2json.metrics.predictions import read_predictions
from text2json.schemas.run import Run
from text2json.tasks import parse_task
from text2json.tasks.answered import answered
from text2json.tasks.report import Figure, TaskReport, score_task
from text2json.tasks.task import Task

PLAIN = "text2json"
"""The task whose rule scores plain data."""


@dataclass(frozen=True)
class Scored:
    """A finished run and its report."""

    folder: Path
    run: Run
    report: TaskReport

    @property
    def label(self) -> tuple[str, str]:
        """Model and strategy."""
        return self.run.settings.model, self.run.settings.strategy

    @property
    def task(self) -> str:
        """The task's spec, or for plain data how it was named."""
        return self.run.settings.task or self.run.settings.data

    def to_dict(self) -> dict[str, Any]:
        """Return one tidy row for JSON or CSV."""
        settings, figures = self.run.settings, self.run.figures
        report = self.report.to_dict()
        low, high = report["interval"]
        classes = {name: self.report.by_intensity[name].score if name in self.report.by_intensity else None
                   for name in CLASSES}  # fmt: skip
        return {
            "model": settings.model, "strategy": settings.strategy, "task": self.task, "metric": report["metric"],
            "samples": report["samples"], "score": report["score"], "low": low, "high": high,
            "places": report["places"], "gap": report["gap"], **classes,
            "device_bytes_per_token": None if figures is None else figures.device_bytes_per_token,
            "host_bytes_per_token": None if figures is None else figures.host_bytes_per_token,
            "moved_bytes_per_step": None if figures is None else figures.moved_bytes_per_step,
            "folder": str(self.folder),
        }  # fmt: skip


def find_runs(roots: Sequence[Path]) -> list[Path]:
    """Return the run folders at or below `roots`, in order.

    Raises:
        DataError: there is none.
    """
    found = sorted({file.parent for root in roots for file in root.rglob("run.json")})
    if not found:
        raise DataError("no runs here", file=roots[0], remedy="give folders written by `text2json run`")
    return found


def score_runs(
    folders: Sequence[Path], *, prepare: Callable[[Task], Task], skip: Callable[[Path], None]
) -> Iterator[Scored]:
    """Score each finished run by the rule of its task.

    Args:
        folders: run folders.
        prepare: called with each task before it scores, for example to give it a judge.
        skip: called with the folder of each run that is not finished.

    Raises:
        DataError: a run or its data is broken.
        SpecError: a task needs a judge, and none is given.
    """
    for path in folders:
        run = RunFolder(path).load()
        if run.finished is None:
            skip(path)
            continue
        settings = run.settings
        task = prepare(parse_task(settings.task or PLAIN))
        outputs = read_predictions(path)
        samples = answered(task.load(settings.data or None), path, outputs, settings.samples)
        name = Path(settings.data).name if settings.data else "own"
        yield Scored(path, run, score_task(task, outputs, samples, data_name=name))


def render(runs: Sequence[Scored]) -> str:
    """Return the table of scores with intervals, and the table by context intensity.

    Raises:
        DataError: two runs would stand in one cell.
    """
    from text2json.console import table

    cells = Counter((run.label, run.task) for run in runs)
    twice = [str(run.folder) for run in runs if cells[run.label, run.task] > 1]
    if twice:
        raise DataError(f"hold the same model, strategy and task: {', '.join(twice)}", file="runs",
                        remedy="name one of them, or ask for --format csv")  # fmt: skip
    rows = sorted({run.label for run in runs}, key=[run.label for run in runs].index)
    places: dict[str, float] = {run.task: run.report.whole.places for run in runs}
    tasks = sorted(places, key=lambda task: (places[task], task))
    by_cell = {(run.label, run.task): run.report for run in runs}
    names = dict(zip(tasks, _short(tasks), strict=True))
    heads = [f"{names[task]} ({places[task]:.1f})" for task in tasks]
    scores = [
        [_label(row), *(_cell(by_cell[row, task].whole if (row, task) in by_cell else None) for task in tasks)]
        for row in rows
    ]
    grouped = [[_label(row), *(_mean(row, name, runs) for name in CLASSES)] for row in rows]
    return "\n".join(
        [
            table(["model, strategy", *heads], scores),
            "",
            "score and 95 % interval; in brackets the mean number of evidence places of a sample",
            "",
            table(["by evidence places", *CLASSES], grouped),
            "",
            "mean over the tasks that have such samples",
        ]
    )


def _short(specs: Sequence[str]) -> list[str]:
    """Return the tasks' names, with their options where two tasks share a name."""
    names = [spec.partition(":")[0] for spec in specs]
    count = Counter(names)
    return [spec if count[name] > 1 else name for spec, name in zip(specs, names, strict=True)]


def _label(row: tuple[str, str]) -> str:
    return ", ".join(row)


def _cell(figure: Figure | None) -> str:
    return "-" if figure is None else "{:.3f} ({:.3f} to {:.3f})".format(figure.score, *figure.interval)


def _mean(row: tuple[str, str], group: str, runs: Sequence[Scored]) -> str:
    scores = [
        run.report.by_intensity[group].score for run in runs if run.label == row and group in run.report.by_intensity
    ]
    return f"{sum(scores) / len(scores):.3f}" if scores else "-"
