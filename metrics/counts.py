"""Step 5: from aligned records to counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from text2json.metrics.align import Pairs
from text2json.metrics.compare import Leaves, written
from text2json.metrics.table import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RIGHT, WRONG, MISSING, HALLUCINATED = "right", "wrong", "missing", "hallucinated"


Leaf = tuple[int, int, str]
"""Place of the gold record, of the predicted one, and the path of a wrong value."""


class Verdict(NamedTuple):
    """What became of one leaf; a record without a partner is missing or hallucinated in all its leaves."""

    gold: int | None
    """Place of the gold record, None for what stands in no gold."""
    predicted: int | None
    field: str
    verdict: str
    cause: str | None = None
    """Of a wrong value: one of `causes.CAUSES`."""


class Counts(NamedTuple):
    """True positives, what was predicted, and what is in the gold."""

    right: int
    predicted: int
    gold: int

    def __add__(self, other: Counts) -> Counts:  # type: ignore[override] # sums, where a tuple would be joined
        return Counts(self.right + other.right, self.predicted + other.predicted, self.gold + other.gold)

    @property
    def precision(self) -> float:
        """Right among predicted; 1 when nothing was predicted and nothing was there, else 0."""
        return self.right / self.predicted if self.predicted else float(not self.gold)

    @property
    def recall(self) -> float:
        """Right among gold; 1 when nothing was there and nothing was predicted."""
        return self.right / self.gold if self.gold else float(not self.predicted)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 2 TP / (predicted + gold); 1 for empty against empty."""
        total = self.predicted + self.gold
        return 2 * self.right / total if total else 1.0

    def to_dict(self) -> dict[str, float]:
        """Return counts and figures for JSON."""
        return {
            "precision": self.precision, "recall": self.recall, "f1": self.f1,
            "right": self.right, "predicted": self.predicted, "gold": self.gold,
        }  # fmt: skip


NOTHING = Counts(0, 0, 0)


@dataclass(frozen=True)
class Side:
    """The records of one side, as they were written and as leaves in normal form."""

    records: Sequence[Any]
    forms: Sequence[Leaves]


@dataclass
class Tally:
    """The counts of one sample.

    Args:
        records: records; one is right when all of its leaves are, with none too many.
        raw_records: the same, where a leaf is right only if it is written as in the gold.
        fields: path → counts of leaves.
        raw_right: leaves that are right as they are written.
        wrong: every wrong value, and whether another gold record has it in that field.
    """

    records: Counts
    raw_records: int
    fields: dict[str, Counts]
    raw_right: int
    wrong: dict[Leaf, bool]
    missing_records: int
    hallucinated_records: int
    missing_fields: int
    hallucinated_fields: int

    @property
    def total(self) -> Counts:
        """Counts over all leaves: a wrong value is one too many and one too few."""
        return sum(self.fields.values(), NOTHING)


def tally(table: Table, gold: Side, predicted: Side, pairs: Pairs) -> Tally:
    """Count the leaves and records of one sample.

    Every gold leaf counts once in the gold, every predicted one once as predicted, and pairs say which are right.
    """
    import numpy as np

    places = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    ours, theirs = places[:, 0], places[:, 1]
    here, there = table.ours != table.absent, table.theirs != table.absent
    wanted, given = here[ours], there[theirs]
    right = wanted & (table.ours[ours] == table.theirs[theirs])
    for column in table.special:
        right[:, column] = table.equal(column, ours, theirs)
    both = wanted & given
    wrong = both & ~right
    whole = (right == (wanted | given)).all(1)
    as_written = [
        _written_alike(gold, predicted, pair, [table.columns[column] for column in np.flatnonzero(row)])
        for pair, row in zip(pairs, right, strict=True)
        if not _plain(gold, predicted, pair)
    ]
    rights, right_records = right.sum(0), int(whole.sum())
    raw_right, raw_records = int(rights.sum()), right_records
    if as_written:
        odd = [place for place, pair in enumerate(pairs) if not _plain(gold, predicted, pair)]
        raw_right += sum(as_written) - int(right[odd].sum())
        full = zip(as_written, right[odd].sum(1).tolist(), whole[odd].tolist(), strict=True)
        raw_records -= sum(is_whole and alike < number for alike, number, is_whole in full)
    columns = zip(rights.tolist(), there.sum(0).tolist(), here.sum(0).tolist(), strict=True)
    return Tally(
        records=Counts(right_records, len(predicted.forms), len(gold.forms)),
        raw_records=raw_records,
        fields=dict(zip(table.columns, map(Counts._make, columns), strict=True)),
        raw_right=raw_right,
        wrong=_wrong(table, pairs, wrong),
        missing_records=len(gold.forms) - len(pairs),
        hallucinated_records=len(predicted.forms) - len(pairs),
        missing_fields=int((wanted & ~given).sum()),
        hallucinated_fields=int((given & ~wanted).sum()),
    )


def _wrong(table: Table, pairs: Pairs, wrong: NDArray[np.bool_]) -> dict[Leaf, bool]:
    rows, columns = wrong.nonzero()
    given = table.theirs[[pairs[row][1] for row in rows.tolist()], columns] if len(rows) else rows
    swapped = (table.ours[:, columns] == given).any(0).tolist() if len(rows) else []
    leaves = [(*pairs[row], table.columns[column]) for row, column in zip(rows.tolist(), columns.tolist(), strict=True)]
    return dict(zip(leaves, swapped, strict=True))


def _plain(gold: Side, predicted: Side, pair: tuple[int, int]) -> bool:
    """Tell whether both records are written in their normal form, so that right leaves are right as written."""
    one, other = pair
    return gold.forms[one] is gold.records[one] and predicted.forms[other] is predicted.records[other]


def _written_alike(gold: Side, predicted: Side, pair: tuple[int, int], paths: Iterable[str]) -> int:
    """Count the leaves among `paths` that are written alike; they are equal already, so `true` meets no number."""
    wanted, given = written(gold.records[pair[0]]), written(predicted.records[pair[1]])
    return sum(wanted[path] == given[path] for path in paths)


def verdicts(gold: Side, predicted: Side, pairs: Pairs, wrong: Mapping[Leaf, str | None]) -> Iterator[Verdict]:
    """Yield the verdict on every leaf of both sides; `wrong` has the causes of wrong values."""
    for one, other in pairs:
        for path in gold.forms[one]:
            if (one, other, path) in wrong:
                yield Verdict(one, other, path, WRONG, wrong[one, other, path])
            else:
                yield Verdict(one, other, path, RIGHT if path in predicted.forms[other] else MISSING)
        for path in predicted.forms[other].keys() - gold.forms[one].keys():
            yield Verdict(one, other, path, HALLUCINATED)
    for place in sorted(set(range(len(gold.forms))) - {one for one, _ in pairs}):
        for path in gold.forms[place]:
            yield Verdict(place, None, path, MISSING)
    for place in sorted(set(range(len(predicted.forms))) - {other for _, other in pairs}):
        for path in predicted.forms[place]:
            yield Verdict(None, place, path, HALLUCINATED)
