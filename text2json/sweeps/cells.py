"""A cell of a sweep: one model, one strategy, one data set, and the shares that its samples have in its scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from text2json.baselines.run_folder import RunFolder
from text2json.metrics.predictions import read_predictions
from text2json.metrics.scoring import score_sample
from text2json.schemas.run import Run
from text2json.schemas.sample import Sample
from text2json.sweeps.grid import Planned
from text2json.tasks import parse_task
from text2json.tasks.answered import answered
from text2json.tasks.extraction import Extraction
from text2json.tasks.report import TaskReport, score_task
from text2json.tasks.table import PLAIN

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIELDS = "field_f1"
PAPER = "paper"
VALID = "valid"


@dataclass(frozen=True)
class Cell:
    """A finished cell.

    Attributes:
        data: the data set's label.
        plan: the strategy.
        folder: its run.
        run: what it took.
        report: its score by the rule of its task.
        shares: figure → (2, samples), numerators over denominators; `score`, and for records also field F1, the paper's
            score, and whether the answer obeys its schema.
        records: mean number of gold records, where the gold has some.
    """

    data: str
    plan: Planned
    folder: Path
    run: Run
    report: TaskReport
    shares: dict[str, NDArray[np.float64]] = field(repr=False)
    records: float | None = None

    @property
    def model(self) -> str:
        """The model's name."""
        return self.run.settings.model

    @property
    def place(self) -> tuple[str, str]:
        """Model and data: cells that agree in both have the same samples."""
        return self.model, self.data


def read_cell(folder: Path, data: str, plan: Planned) -> Cell:
    """Score a finished run.

    Raises:
        DataError: the run or its data is broken.
        SpecError: its task needs a judge.
    """
    run = RunFolder(folder).load()
    settings = run.settings
    task = parse_task(settings.task or PLAIN)
    outputs = read_predictions(folder)
    samples = list(answered(task.load(settings.data or None), folder, outputs, settings.samples))
    report = score_task(task, outputs, samples, data_name=data)
    shares = {"score": columns((score.numerator, score.denominator) for score, _ in report.details)}
    records = None
    if isinstance(task, Extraction):
        shares |= extraction_shares(samples, outputs)
        records = float(shares.pop("records")[0].mean())
    return Cell(data, plan, folder, run, report, shares, records)


def extraction_shares(samples: list[Sample], outputs: dict[str, str]) -> dict[str, NDArray[np.float64]]:
    """Return the shares of all figures but the score, and the number of gold records."""
    scores = [score_sample(sample, outputs.get(sample.id), with_verdicts=False) for sample in samples]
    found = {
        FIELDS: columns((2 * s.fields.right, s.fields.predicted + s.fields.gold) for s in scores),
        VALID: columns((s.valid, 1) for s in scores),
        "records": columns((s.records.gold, 1) for s in scores),
    }
    paper = [(s.paper.score, 1.0) for s in scores if s.paper is not None and s.paper.score is not None]
    return found if len(paper) < len(scores) else found | {PAPER: columns(iter(paper))}


def columns(pairs: Iterator[tuple[float, float]]) -> NDArray[np.float64]:
    """Return (2, samples) of pairs."""
    import numpy as np

    return np.array(list(pairs), dtype=np.float64).T
