"""The score of a set of predictions, and what it is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from text2json.metrics.counts import NOTHING, Counts
from text2json.metrics.paper import PaperScore
from text2json.metrics.uncertainty import f1_interval


@dataclass(frozen=True)
class SampleScore:
    """One sample's counts, and the verdicts that they are made of."""

    id: str
    domain: str
    status: str
    valid: bool
    """Whether what was parsed obeys the sample's JSON Schema; false for what could not be parsed."""
    records: Counts
    fields: Counts
    by_field: dict[str, Counts]
    paper: PaperScore | None
    """None where the gold is not of the paper's form."""
    verdicts: list[dict[str, Any]]


@dataclass(frozen=True)
class Figures:
    """Precision, recall and F1 with its 95 % interval, and the counts behind them."""

    precision: float
    recall: float
    f1: float
    f1_interval: tuple[float, float]
    right: int
    predicted: int
    gold: int

    @classmethod
    def of(cls, counts: Sequence[Counts]) -> Figures:
        """Sum up the counts of several samples."""
        total = sum(counts, NOTHING)
        return cls(
            total.precision, total.recall, total.f1, f1_interval(counts), total.right, total.predicted, total.gold
        )


@dataclass(frozen=True)
class Report:
    """The whole result; `str(report)` is what a person reads."""

    samples: int
    records: Figures
    fields: Figures
    by_field: dict[str, Counts]
    macro_record_f1: float
    """Mean over samples of the sample's record F1."""
    exact_documents: float
    """Share of samples with every record right and none too many."""
    schema_valid: float
    paper: float | None
    """The published score, 0 to 100; None where the gold is not of the paper's form."""
    paper_skipped: int
    statuses: dict[str, int]
    signature: str
    details: list[SampleScore]

    @classmethod
    def of(cls, scores: Sequence[SampleScore], signature: str) -> Report:
        """Sum up the samples."""
        by_field: dict[str, Counts] = {}
        for score in scores:
            for field, counts in score.by_field.items():
                by_field[field] = by_field.get(field, NOTHING) + counts
        papers = [score.paper for score in scores if score.paper is not None]
        kept = [paper.score for paper in papers if paper.score is not None]
        count = len(scores)
        return cls(
            samples=count,
            records=Figures.of([score.records for score in scores]),
            fields=Figures.of([score.fields for score in scores]),
            by_field=dict(sorted(by_field.items())),
            macro_record_f1=sum(score.records.f1 for score in scores) / count,
            exact_documents=sum(score.records.f1 == 1 for score in scores) / count,
            schema_valid=sum(score.valid for score in scores) / count,
            paper=100 * sum(kept) / len(kept) if kept and len(papers) == count else None,
            paper_skipped=len(papers) - len(kept),
            statuses=dict(sorted(Counter(score.status for score in scores).items())),
            signature=signature,
            details=list(scores),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, without the single samples, as plain values for JSON."""
        return {
            "samples": self.samples,
            "records": _figures(self.records),
            "fields": _figures(self.fields),
            "by_field": {name: _counts(counts) for name, counts in self.by_field.items()},
            "macro_record_f1": self.macro_record_f1,
            "exact_documents": self.exact_documents,
            "schema_valid": self.schema_valid,
            "paper": self.paper,
            "paper_skipped": self.paper_skipped,
            "statuses": self.statuses,
            "signature": self.signature,
        }

    def __str__(self) -> str:
        lines = [
            f"samples          {self.samples}   ({', '.join(f'{name} {n}' for name, n in self.statuses.items())})",
            "                 precision  recall     F1   95 % interval",
            _line("records", self.records),
            _line("fields", self.fields),
            "",
        ]
        lines += [f"  {name:<15}{c.precision:>9.3f}{c.recall:>8.3f}{c.f1:>7.3f}" for name, c in self.by_field.items()]
        lines += [
            "",
            f"paper's score    {'-' if self.paper is None else format(self.paper, '.2f')} of 100",
            f"exact documents  {self.exact_documents:.3f}",
            f"schema-valid     {self.schema_valid:.3f}",
            self.signature,
        ]
        return "\n".join(lines)


def _line(name: str, figures: Figures) -> str:
    low, high = figures.f1_interval
    return (
        f"{name:<17}{figures.precision:>9.3f}{figures.recall:>8.3f}{figures.f1:>7.3f}   {low:.3f} to {high:.3f}"
        f"   ({figures.right} right, {figures.predicted} predicted, {figures.gold} gold)"
    )


def _figures(figures: Figures) -> dict[str, Any]:
    low, high = figures.f1_interval
    return {
        "precision": figures.precision, "recall": figures.recall, "f1": figures.f1, "f1_interval": [low, high],
        "right": figures.right, "predicted": figures.predicted, "gold": figures.gold,
    }  # fmt: skip


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "precision": counts.precision, "recall": counts.recall, "f1": counts.f1,
        "right": counts.right, "predicted": counts.predicted, "gold": counts.gold,
    }  # fmt: skip
