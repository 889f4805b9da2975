"""Step 5: from aligned records to counts, one verdict a leaf."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from text2json.metrics.align import Leaves, Pairs

RIGHT, WRONG, MISSING, HALLUCINATED = "right", "wrong", "missing", "hallucinated"


@dataclass(frozen=True)
class Verdict:
    """What became of one leaf; a record without a partner is missing or hallucinated in all its leaves."""

    gold: int | None
    predicted: int | None
    field: str
    verdict: str


@dataclass(frozen=True)
class Counts:
    """True positives, what was predicted, and what is in the gold."""

    right: int
    predicted: int
    gold: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.right + other.right, self.predicted + other.predicted, self.gold + other.gold)

    @property
    def precision(self) -> float:
        """Right among predicted; 1 when nothing was predicted and nothing was there, else 0."""
        return self.right / self.predicted if self.predicted else float(not self.gold)

    @property
    def recall(self) -> float:
        """Right among gold; 1 when nothing was there."""
        return self.right / self.gold if self.gold else float(not self.predicted)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 2 TP / (predicted + gold); 1 for empty against empty."""
        total = self.predicted + self.gold
        return 2 * self.right / total if total else 1.0


NOTHING = Counts(0, 0, 0)


def judge(gold: Sequence[Leaves], predicted: Sequence[Leaves], pairs: Pairs) -> Iterator[Verdict]:
    """Yield the verdict on every leaf of both sides."""
    for ours, theirs in pairs:
        right, given = gold[ours], predicted[theirs]
        for field, leaf in right.items():
            verdict = MISSING if field not in given else RIGHT if given[field] == leaf else WRONG
            yield Verdict(ours, theirs, field, verdict)
        for field in given.keys() - right.keys():
            yield Verdict(ours, theirs, field, HALLUCINATED)
    for place in set(range(len(gold))) - {ours for ours, _ in pairs}:
        for field in gold[place]:
            yield Verdict(place, None, field, MISSING)
    for place in set(range(len(predicted))) - {theirs for _, theirs in pairs}:
        for field in predicted[place]:
            yield Verdict(None, place, field, HALLUCINATED)


def field_counts(verdicts: Sequence[Verdict]) -> Counts:
    """Count leaves: a wrong value is one leaf too many and one too few."""
    tally = {verdict: 0 for verdict in (RIGHT, WRONG, MISSING, HALLUCINATED)}
    for item in verdicts:
        tally[item.verdict] += 1
    both = tally[RIGHT] + tally[WRONG]
    return Counts(tally[RIGHT], both + tally[HALLUCINATED], both + tally[MISSING])


def record_counts(gold: Sequence[Leaves], predicted: Sequence[Leaves], pairs: Pairs) -> Counts:
    """Count records; one is right when all of its leaves are, with none too many."""
    right = sum(gold[ours] == predicted[theirs] for ours, theirs in pairs)
    return Counts(right, len(predicted), len(gold))
