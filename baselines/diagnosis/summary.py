"""A diagnosis added up: figures by layer and head, by step, by leaf, and for a strategy as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from text2json.metrics.correlation import Correlation, Pair, point_biserial, spearman
from text2json.metrics.counts import RIGHT, Counts
from text2json.schemas.diagnosis import CAUSES, LeafLine, SampleLine

Sums = dict[str, NDArray[np.float64]]

FIGURES = {
    "mass_recovered": ("mass_read", "mass_prompt", 1),
    "mass_lost": ("mass_lost", "steps", 1),
    "overlap": ("overlap", "steps", 1),
    "key_error": ("key_error", "key_norm", 2),
    "value_error": ("value_error", "value_norm", 2),
    "output_error": ("output_error", "output_norm", 2),
    "selection_error": ("selection_error", "output_norm", 2),
    "store_error": ("store_error", "output_norm", 2),
    "evidence_recall": ("evidence_recall", "evidence_steps", 1),
    "evidence_mass": ("evidence_mass", "evidence_steps", 1),
    "evidence_mass_recovered": ("evidence_mass_read", "evidence_mass", 1),
}
"""Figure → the sums whose ratio it is, and which root of that."""


@dataclass
class Total:
    """One strategy on all samples; grows by a few numbers a sample, beside the leaves."""

    strategy: str
    layers: list[int] = field(default_factory=list)
    sums: Sums = field(default_factory=dict)
    """Each (layers, heads)."""
    course: dict[str, list[float]] = field(default_factory=dict)
    """Each by step, summed over samples; `samples` counts those that have the step."""
    leaves: list[tuple[str, LeafLine]] = field(default_factory=list)
    samples: dict[str, SampleLine] = field(default_factory=dict)
    """Without their sums, courses and leaves."""

    def add(self, line: SampleLine) -> None:
        """Add a sample."""
        for name, rows in line.sums.items():
            part = np.array(rows)
            self.sums[name] = self.sums[name] + part if name in self.sums else part
            self.layers = line.layers
        for name, figures in {**line.course, "samples": [1.0] * len(line.course["divergence"])}.items():
            known = self.course.setdefault(name, [])
            known += [0.0] * (len(figures) - len(known))
            for step, figure in enumerate(figures):
                known[step] += figure
        self.leaves += [(line.id, leaf) for leaf in line.leaves]
        self.samples[line.id] = line.model_copy(update={"sums": {}, "course": {}, "leaves": []})

    @classmethod
    def of(cls, strategy: str, lines: Iterable[SampleLine], ids: Sequence[str]) -> Total:
        """Add up the lines of the samples `ids`."""
        total, wanted = cls(strategy), set(ids)
        for line in lines:
            if line.id in wanted:
                total.add(line)
        return total

    def figure(self, name: str) -> NDArray[np.float64]:
        """Return a figure of `FIGURES` by layer and head; NaN where there is nothing to tell."""
        above, below, root = FIGURES[name]
        found: NDArray[np.float64] = ratio(self.sums[above], self.sums[below], root)
        return found

    def overall(self, name: str) -> float | None:
        """Return a figure of `FIGURES` over all layers and heads."""
        above, below, root = FIGURES[name]
        if not self.sums:
            return None
        found = float(ratio(self.sums[above].sum(), self.sums[below].sum(), root))
        return None if np.isnan(found) else found

    def counts(self, side: str, what: str) -> Counts:
        """Return the summed counts of `what` (records, fields) on a side (full, own)."""
        rows = [getattr(getattr(line, side), what) for line in self.samples.values()]
        return Counts(*map(sum, zip(*rows, strict=True))) if rows else Counts(0, 0, 0)

    def causes(self) -> dict[str, int]:
        """Return how many wrong leaves have each cause."""
        found = Counter(leaf.cause for _, leaf in self.leaves if leaf.cause is not None)
        return {cause: found[cause] for cause in CAUSES}

    def mean_leaf(self, name: str) -> float | None:
        """Return the mean of a leaf's figure over the leaves that have it."""
        known = [value for _, leaf in self.leaves if (value := getattr(leaf, name)) is not None]
        return float(np.mean(known)) if known else None

    def to_dict(self) -> dict[str, Any]:
        """Return the strategy's figures for JSON."""
        steps = sum(self.course.get("samples", []))
        wrong = [leaf for _, leaf in self.leaves if leaf.verdict != RIGHT]
        return {
            "strategy": self.strategy,
            "samples": len(self.samples),
            "record_f1": self.counts("own", "records").f1,
            "record_f1_full": self.counts("full", "records").f1,
            "field_f1": self.counts("own", "fields").f1,
            "field_f1_full": self.counts("full", "fields").f1,
            **{name: self.overall(name) for name in FIGURES},
            "recall_any": self.mean_leaf("recall_any"),
            "recall_carried": self.mean_leaf("recall_carried"),
            "recall_mass": self.mean_leaf("recall_mass"),
            "divergence": sum(self.course.get("divergence", [])) / steps if steps else None,
            "agreement": sum(self.course.get("agrees", [])) / steps if steps else None,
            "leaves": len(self.leaves),
            "wrong": len(wrong),
            "causes": self.causes(),
            "lost": sum(leaf.full_verdict == RIGHT for leaf in wrong),
            "gained": sum(leaf.full_verdict != RIGHT and leaf.verdict == RIGHT for _, leaf in self.leaves),
            "unnamed": sum(leaf.located is False for leaf in wrong),
        }


def ratio(above: Any, below: Any, root: int = 1) -> Any:
    """Return above / below, NaN for a denominator of nothing, or its square root."""
    above, below = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    found = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
    return np.sqrt(found) if root == 2 else found


RECALLS = ("recall_any", "recall_carried", "recall_mass")
"""The kinds of evidence recall of a leaf."""


def predicts(totals: Sequence[Total], recall: str) -> dict[str, Correlation]:
    """Return how well a kind of evidence recall (or the divergence) predicts the score, over the strategies given.

    `sample`: rank correlation of a sample's mean recall with its field F1 under the strategy. `leaf`: point-biserial
    correlation of a leaf's recall with its being right, among the leaves that full attention gets right. Samples are
    drawn again with their pairs under all strategies.
    """
    by_sample: dict[str, list[Pair]] = {}
    by_leaf: dict[str, list[Pair]] = {}
    for total in totals:
        known: dict[str, list[float]] = {}
        for name, leaf in total.leaves:
            value = getattr(leaf, recall)
            if value is None:
                continue
            known.setdefault(name, []).append(value)
            if leaf.full_verdict == RIGHT:
                by_leaf.setdefault(name, []).append((value, float(leaf.verdict == RIGHT)))
        for name, values in known.items():
            f1 = Counts(*total.samples[name].own.fields).f1
            by_sample.setdefault(name, []).append((float(np.mean(values)), f1))
    return {"sample": spearman(list(by_sample.values())), "leaf": point_biserial(list(by_leaf.values()))}


def layer_rows(total: Total) -> Iterator[dict[str, Any]]:
    """Yield a row for each layer and head."""
    found = {name: total.figure(name) for name in FIGURES} if total.sums else {}
    for place, layer in enumerate(total.layers):
        for head in range(total.sums["steps"].shape[1]):
            yield {
                "strategy": total.strategy, "layer": layer, "head": head,
                "steps": int(total.sums["steps"][place, head]),
                "evidence_steps": int(total.sums["evidence_steps"][place, head]),
                **{name: _known(rows[place, head]) for name, rows in found.items()},
            }  # fmt: skip


def step_rows(total: Total) -> Iterator[dict[str, Any]]:
    """Yield a row for each decoding step, over layers, heads and the samples that have it."""
    course = {name: np.array(rows) for name, rows in total.course.items()}
    for step in range(len(course.get("samples", []))):
        here = {name: rows[step] for name, rows in course.items()}
        heads = total.sums["steps"].size * here["samples"]
        yield {
            "strategy": total.strategy, "step": step, "samples": int(here["samples"]),
            "mass_recovered": _known(ratio(here["mass_read"], here["mass_prompt"])),
            "overlap": here["overlap"] / heads,
            "output_error": _known(ratio(here["output_error"], here["output_norm"], 2)),
            "divergence": here["divergence"] / here["samples"],
            "agreement": here["agrees"] / here["samples"],
        }  # fmt: skip


def leaf_rows(total: Total) -> Iterator[dict[str, Any]]:
    """Yield a row for each leaf of the gold."""
    for name, leaf in total.leaves:
        yield {"strategy": total.strategy, "sample": name, **leaf.model_dump()}


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
