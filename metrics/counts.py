"""Step 5: from aligned records to counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from operator import is_
from typing import TYPE_CHECKING, Any, NamedTuple

from text2json.metrics.assignment import Pairs
from text2json.metrics.compare import Leaves
from text2json.metrics.flatten import written
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


class Side:
    """The records of one side, of one or of several samples, as they were written and as leaves in normal form."""

    def __init__(self, records: Sequence[Any], forms: Sequence[Leaves]) -> None:
        self.records, self.forms = records, forms
        self.plain = all(map(is_, records, forms))
        """Whether every record is its own normal form, so that what is right is right as it is written."""


class Span(NamedTuple):
    """Where one sample's records stand in both sides."""

    gold: range
    predicted: range


@dataclass(frozen=True)
class Tally:
    """The counts of one sample.

    Args:
        records: records; one is right when all of its leaves are, with none too many.
        raw_records: the same, where a leaf is right only if it is written as in the gold.
        fields: path → counts of leaves.
        raw_right: leaves that are right as they are written.
        wrong: every wrong value, and whether another gold record has it in that field.
        missing_records, hallucinated_records: records without a partner.
        missing_fields, hallucinated_fields: leaves of records that have one.
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
        right, predicted, gold = map(sum, zip(*self.fields.values(), strict=True)) if self.fields else (0, 0, 0)
        return Counts(right, predicted, gold)


def tally(table: Table, gold: Side, predicted: Side, spans: Sequence[Span], pairs: Sequence[Pairs]) -> list[Tally]:
    """Count the leaves and records of several samples, given the pairs of each.

    Every gold leaf counts once in the gold, every predicted one once as predicted, and pairs say which are right.
    """
    import numpy as np

    places = np.fromiter(chain.from_iterable(chain.from_iterable(pairs)), dtype=np.intp).reshape(-1, 2)
    ours, theirs = places[:, 0], places[:, 1]
    here, there = table.ours >= 0, table.theirs >= 0
    wanted, given = here[ours], there[theirs]
    right = table.ours[ours] == table.theirs[theirs]
    for column in table.special:
        right[:, column] = table.equal(column, ours, theirs)
    whole = (right == (wanted | given)).all(1)
    ends = list(accumulate(map(len, pairs), initial=0))
    sums = _Sums(ends)
    rights = sums.of(right)
    raw_right, raw_records = rights.sum(1), sums.of(whole)
    if not (gold.plain and predicted.plain):
        alike = _written_alike(table, gold, predicted, places, right)
        raw_right, raw_records = sums.of(alike), sums.of(whole & (alike == right.sum(1)))
    columns = np.stack(
        [
            rights,
            _Sums([*(span.predicted.start for span in spans), len(there)]).of(there),
            _Sums([*(span.gold.start for span in spans), len(here)]).of(here),
        ],
        axis=2,
    )
    numbers = zip(
        spans, pairs, columns.tolist(), sums.of(whole).tolist(), raw_records.tolist(), raw_right.tolist(),
        sums.of((wanted & ~given).sum(1)).tolist(), sums.of((given & ~wanted).sum(1)).tolist(),
        _wrong(table, spans, places, ends, wanted & given & ~right), strict=True,
    )  # fmt: skip
    return [
        Tally(
            records=Counts(records, len(span.predicted), len(span.gold)),
            raw_records=raw,
            fields={path: Counts(*row) for path, row in zip(table.columns, fields, strict=True) if row[1] or row[2]},
            raw_right=raw_leaves,
            wrong=wrong,
            missing_records=len(span.gold) - len(own),
            hallucinated_records=len(span.predicted) - len(own),
            missing_fields=missing,
            hallucinated_fields=hallucinated,
        )
        for span, own, fields, records, raw, raw_leaves, missing, hallucinated, wrong in numbers
    ]


class _Sums:
    """Sums over consecutive rows; sample i has the rows from `ends[i]` to `ends[i + 1]`."""

    def __init__(self, ends: Sequence[int]) -> None:
        self.ends = ends

    def of(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        """Return each sample's sum, (samples, ...)."""
        import numpy as np

        total = np.zeros((len(rows) + 1, *rows.shape[1:]), dtype=np.int64)
        np.cumsum(rows, axis=0, out=total[1:])
        found: NDArray[np.int64] = total[self.ends[1:]] - total[self.ends[:-1]]
        return found


def _wrong(
    table: Table, spans: Sequence[Span], places: NDArray[np.intp], ends: Sequence[int], wrong: NDArray[np.bool_]
) -> Iterator[dict[Leaf, bool]]:
    """Yield each sample's wrong values, and whether another of its gold records has them in that field."""
    import numpy as np

    rows, columns = wrong.nonzero()
    if not len(rows):
        yield from ({} for _ in spans)
        return
    given = table.theirs[places[rows, 1], columns]
    borders = np.searchsorted(rows, ends)
    # One number for sample, column and value: what is wrong is looked up among what the sample's gold holds.
    values, width = int(max(table.ours.max(), table.theirs.max())) + 2, len(table.columns)
    samples = np.repeat(np.arange(len(spans)), [len(span.gold) for span in spans])
    held = (samples[:, None] * width + np.arange(width)) * values + table.ours
    asked = (np.repeat(np.arange(len(spans)), np.diff(borders)) * width + columns) * values + given
    sought, back = np.unique(asked, return_inverse=True)
    at = np.searchsorted(sought[:-1], held)  # few are sought among many
    found = np.zeros(len(sought), dtype=np.bool_)
    found[at[sought[at] == held]] = True
    swapped = found[back].tolist()
    paths = [table.columns[column] for column in columns.tolist()]
    leaves = list(zip(places[rows, 0].tolist(), places[rows, 1].tolist(), paths, strict=True))
    for start, end in pairwise(borders.tolist()):
        yield dict(zip(leaves[start:end], swapped[start:end], strict=True))


def _written_alike(
    table: Table, gold: Side, predicted: Side, places: NDArray[np.intp], right: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return (pairs,) how many right leaves are written alike; they are equal, so `true` meets no number."""
    import numpy as np

    def alike(pair: list[int], row: NDArray[np.bool_]) -> int:
        one, other = pair
        if gold.forms[one] is gold.records[one] and predicted.forms[other] is predicted.records[other]:
            return int(row.sum())
        wanted, given = written(gold.records[one]), written(predicted.records[other])
        return sum(wanted[path] == given[path] for path in (table.columns[c] for c in row.nonzero()[0].tolist()))

    return np.array([alike(*pair) for pair in zip(places.tolist(), right, strict=True)], dtype=np.int64)


def verdicts(
    gold: Side, predicted: Side, span: Span, pairs: Pairs, wrong: Mapping[Leaf, str | None]
) -> Iterator[Verdict]:
    """Yield the verdict on every leaf of one sample; `wrong` has the causes of its wrong values."""
    first, start = span.gold.start, span.predicted.start
    for one, other in pairs:
        for path in gold.forms[one]:
            if (one, other, path) in wrong:
                yield Verdict(one - first, other - start, path, WRONG, wrong[one, other, path])
            else:
                verdict = RIGHT if path in predicted.forms[other] else MISSING
                yield Verdict(one - first, other - start, path, verdict)
        for path in sorted(predicted.forms[other].keys() - gold.forms[one].keys()):
            yield Verdict(one - first, other - start, path, HALLUCINATED)
    for place in sorted(set(span.gold) - {one for one, _ in pairs}):
        for path in gold.forms[place]:
            yield Verdict(place - first, None, path, MISSING)
    for place in sorted(set(span.predicted) - {other for _, other in pairs}):
        for path in predicted.forms[place]:
            yield Verdict(None, place - start, path, HALLUCINATED)
