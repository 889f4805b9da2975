"""A task's score over a set of predictions, whole and by context intensity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from text2json import __version__
from text2json.errors import DataError, did_you_mean
from text2json.metrics.intensity import CLASSES, Intensity, intensity
from text2json.metrics.uncertainty import RESAMPLES, SEED, intervals
from text2json.schemas.sample import Sample
from text2json.tasks.task import Task, TaskScore


@dataclass(frozen=True)
class Figure:
    """A score with its 95 % interval, and the samples that it is made of.

    Attributes:
        places: mean number of evidence places of a sample.
        gap: mean number of characters between neighbouring places; None where no sample knows two places.
    """

    score: float
    interval: tuple[float, float]
    samples: int
    places: float
    gap: float | None

    @classmethod
    def of(cls, details: Sequence[tuple[TaskScore, Intensity]]) -> Figure:
        """Sum up some samples; where every one of them is left out, the score is 0."""
        numerators = [score.numerator for score, _ in details]
        denominators = [score.denominator for score, _ in details]
        total = sum(denominators)
        gaps = [place.gap for _, place in details if place.gap is not None]
        return cls(
            score=sum(numerators) / total if total else 0.0,
            interval=intervals([(numerators, denominators)])[0] if total else (0.0, 0.0),
            samples=len(details),
            places=sum(place.places for _, place in details) / len(details),
            gap=sum(gaps) / len(gaps) if gaps else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"score": self.score, "interval": list(self.interval), "samples": self.samples, "places": self.places,
                "gap": self.gap}  # fmt: skip


@dataclass(frozen=True)
class TaskReport:
    """The whole result; `str(report)` is what a person reads."""

    task: str
    metric: str
    whole: Figure
    by_intensity: dict[str, Figure]
    """By the paper's classes; a class without samples is left out."""
    parts: dict[str, float]
    missing: int
    """Samples without a prediction, which count as empty answers."""
    left_out: int
    """Samples that the task's rule leaves out."""
    signature: str
    details: list[tuple[TaskScore, Intensity]] = field(repr=False)

    @property
    def score(self) -> float:
        """The task's score."""
        return self.whole.score

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval."""
        return self.whole.interval

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, without the single samples, as plain values for JSON."""
        return {
            "task": self.task,
            "metric": self.metric,
            **self.whole.to_dict(),
            "by_intensity": {name: figure.to_dict() for name, figure in self.by_intensity.items()},
            "parts": self.parts,
            "missing": self.missing,
            "left_out": self.left_out,
            "signature": self.signature,
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return one row of plain values for each sample."""
        return [
            {
                "id": score.id, "numerator": score.numerator, "denominator": score.denominator,
                "parts": dict(score.parts), "places": place.places, "gap": place.gap, "class": place.group,
            }
            for score, place in self.details
        ]  # fmt: skip

    def __str__(self) -> str:
        from text2json.console import table

        lines = [("all", self.whole), *self.by_intensity.items()]
        rows = [
            [name, str(figure.samples), f"{figure.places:.1f}", "-" if figure.gap is None else f"{figure.gap:.0f}",
             f"{figure.score:.3f}", "{:.3f} to {:.3f}".format(*figure.interval)]
            for name, figure in lines
        ]  # fmt: skip
        head = ["evidence places", "samples", "places", "gap", self.metric, "95 % interval"]
        notes = [f"{name} {value:.3f}" for name, value in self.parts.items()]
        notes += [f"{count} {what}" for count, what in ((self.missing, "without a prediction"),
                                                        (self.left_out, "left out")) if count]  # fmt: skip
        return "\n".join([self.task, "", table(head, rows), "", ", ".join(notes), self.signature])


def score_task(
    task: Task, outputs: Mapping[str, str], samples: Iterable[Sample], *, data_name: str = "own"
) -> TaskReport:
    """Score predictions by a task's rule.

    Args:
        task: whose rule.
        outputs: sample id → raw output. A sample without one counts as an empty answer.
        samples: what the task's `load` gives.
        data_name: how the signature names the data.

    Raises:
        DataError: there is no sample, or an id is unknown.
        SpecError: the rule needs something that was not given.
    """
    details = []
    known = set()
    rules = ""
    for sample in samples:
        known.add(sample.id)
        rules = rules or task.rule_for(sample)
        details.append((task.score(sample, outputs.get(sample.id)), intensity(sample)))
    if not details:
        raise DataError("there is nothing to score against", remedy="give data with at least one sample")
    unknown = next((name for name in outputs if name not in known), None)
    if unknown is not None:
        remedy = did_you_mean(unknown, known) if len(known) <= 50 else "score it by the task that it was made for"
        raise DataError(f"prediction for an unknown id {unknown!r}", remedy=remedy)
    rule = {"version": __version__, "task": task.spec, "data": data_name, "rule": rules, "missing": "empty",
            "interval": f"bootstrap{RESAMPLES}s{SEED}"}  # fmt: skip
    return TaskReport(
        task=task.spec,
        metric=task.metric,
        whole=Figure.of(details),
        by_intensity=_classes(details),
        parts=_parts([score for score, _ in details]),
        missing=sum(score.id not in outputs for score, _ in details),
        left_out=sum(score.denominator == 0 for score, _ in details),
        signature="|".join(["text2json-task", *(f"{key}:{value}" for key, value in rule.items())]),
        details=details,
    )


def _classes(details: Sequence[tuple[TaskScore, Intensity]]) -> dict[str, Figure]:
    groups: dict[str, list[tuple[TaskScore, Intensity]]] = {name: [] for name in CLASSES}
    for score, place in details:
        groups[place.group].append((score, place))
    return {name: Figure.of(group) for name, group in groups.items() if group}


def _parts(scores: Sequence[TaskScore]) -> dict[str, float]:
    found: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        for name, value in score.parts.items():
            found[name].append(value)
    return {name: sum(values) / len(values) for name, values in found.items()}
