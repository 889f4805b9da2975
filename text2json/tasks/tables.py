"""Tasks whose gold is a table of tab-separated values, scored by LongProc's rule."""

from __future__ import annotations

import json
from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

from text2json.metrics.tsv_rows import score_table
from text2json.schemas.sample import Sample
from text2json.tasks.task import Task, TaskScore

LONGPROC = "LongProc html_to_tsv (arXiv 2501.05414)"


@dataclass(frozen=True)
class TableTask(Task, ABC):
    """A task that is scored row by row."""

    metric: ClassVar[str] = "row F1"
    rule: ClassVar[str] = "longproc-rows"

    def score(self, sample: Sample, output: str | None) -> TaskScore:
        """Compare rows; the score is the mean F1."""
        found = score_table(json.loads(sample.answer), output or "")
        parts = {"precision": found.precision, "recall": found.recall, "extracted": float(found.extracted)}
        return TaskScore(sample.id, found.f1, parts=parts)

    def ideal(self, sample: Sample) -> str:
        """Return the gold in its fence."""
        return f"```tsv\n{json.loads(sample.answer)}```"
