"""Step 5: from aligned records to counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import is_, sub
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from text2json.metrics.assignment import Pairs
from text2json.metrics.compare import Leaves
from text2json.metrics.flatten import written
from text2json.metrics.table import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from text2json.metrics.together import Paired

    Places = NDArray[np.intp]

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


_VERDICT = partial(tuple.__new__, Verdict)
_NO_CAUSES: dict[str, str] = {}
_CELLS = 1 << 22

NOTHING = Counts(0, 0, 0)
_COUNTS = partial(tuple.__new__, Counts)
"""Counts of a list of three; several times faster than the class itself, and so are `_VERDICT` and `_TALLY`."""


class Side(NamedTuple):
    """The records of one side, of one or of several samples, as they were written and as leaves in normal form."""

    records: Sequence[Any]
    forms: Sequence[Leaves]


class Written(Protocol):
    """Knows which leaves are written alike, and not only of equal form."""

    def alike(self, places: NDArray[np.intp], same: NDArray[np.bool_]) -> NDArray[np.int64] | None:
        """Return (pairs,) how many leaves of equal form are written alike; None where all of them are.

        Args:
            places: (pairs, 2) rows of a gold and of a predicted record.
            same: (pairs, columns) whether their leaves are of equal form.
        """

    def counted(self, table: Table, spans: Sequence[Span], paired: Paired) -> tuple[Counted, Wrong] | None:
        """Count everything if there is a faster way than `tally`'s; None where there is none."""


class Sides(NamedTuple):
    """Both sides, which tell what is `Written` alike; `columns` are the paths of the leaves."""

    gold: Side
    predicted: Side
    columns: Sequence[str]

    def alike(self, places: NDArray[np.intp], same: NDArray[np.bool_]) -> NDArray[np.int64] | None:
        """Return what `Written.alike` does; `true` meets no number among leaves of equal form."""
        if all(map(is_, self.gold.records, self.gold.forms)) and all(
            map(is_, self.predicted.records, self.predicted.forms)
        ):
            return None  # every record is its own normal form
        found: NDArray[np.int64] = same.sum(1)
        for pair, (one, other) in enumerate(places.tolist()):
            ours, theirs = self.gold.records[one], self.predicted.records[other]
            if self.gold.forms[one] is not ours or self.predicted.forms[other] is not theirs:
                wanted, given = written(ours), written(theirs)
                paths = [self.columns[column] for column in same[pair].nonzero()[0].tolist()]
                found[pair] = sum(wanted[path] == given[path] for path in paths)
        return found

    def counted(self, table: Table, spans: Sequence[Span], paired: Paired) -> tuple[Counted, Wrong] | None:
        """Return nothing: which leaves are written alike is seen from values, not from numbers."""
        return None


class Span(NamedTuple):
    """Where one sample's records stand in both sides."""

    gold: range
    predicted: range


@dataclass(frozen=True)
class Wrong:
    """The wrong values of several samples, one after the other.

    Args:
        places: (values, 2) rows of the gold record and of the predicted one.
        columns: (values,) of the table.
        swapped: (values,) whether another gold record of the sample has the value in that field.
        ends: (samples + 1) sample i has the values from `ends[i]` to `ends[i + 1]`.
    """

    places: NDArray[np.intp]
    columns: NDArray[np.intp]
    swapped: NDArray[np.bool_]
    ends: list[int]

    def leaves(self, sample: int, names: Sequence[str]) -> list[Leaf]:
        """Return the wrong leaves of one sample; `names` are those of the columns."""
        part = slice(self.ends[sample], self.ends[sample + 1])
        return [
            (one, other, names[column])
            for (one, other), column in zip(self.places[part].tolist(), self.columns[part].tolist(), strict=True)
        ]


class Tally(NamedTuple):
    """The counts of one sample.

    Args:
        records: records; one is right when all of its leaves are, with none too many.
        raw_records: the same, where a leaf is right only if it is written as in the gold.
        fields: path → counts of leaves.
        raw_right: leaves that are right as they are written.
        total: counts over all leaves: a wrong value is one too many and one too few.
        missing_records, hallucinated_records: records without a partner.
        missing_fields, hallucinated_fields: leaves of records that have one.
        empty_records: gold records without any leaf.
    """

    records: Counts
    raw_records: int
    fields: dict[str, Counts]
    total: Counts
    raw_right: int
    missing_records: int
    hallucinated_records: int
    missing_fields: int
    hallucinated_fields: int
    empty_records: int


_TALLY = partial(tuple.__new__, Tally)


def tally(table: Table, written: Written, spans: Sequence[Span], paired: Paired) -> tuple[list[Tally], Wrong]:
    """Count the leaves and records of several samples, given the pairs of each.

    Every gold leaf counts once in the gold, every predicted one once as predicted, and pairs say which are right.
    """
    found = None if table.special else written.counted(table, spans, paired)
    counted, wrong = _count(table, written, spans, paired) if found is None else found
    return _tallies(table, spans, paired, counted), wrong


class Counted(NamedTuple):
    """The counts of several samples as arrays.

    Args:
        fields: (samples, columns, 3) leaves that are right, predicted, and in the gold.
        sums: (samples, 6) records that are right, and right as they are written; leaves that are right as they are
            written; missing and hallucinated leaves of records with a partner; gold records without any leaf.
    """

    fields: NDArray[np.int64]
    sums: NDArray[np.int64]


def _count(table: Table, written: Written, spans: Sequence[Span], paired: Paired) -> tuple[Counted, Wrong]:
    import numpy as np

    places, ends = paired.places, paired.ends
    ours, theirs = places[:, 0], places[:, 1]
    here, there = table.ours >= 0, table.theirs >= 0
    wanted, given = here[ours], there[theirs]
    same = table.ours[ours] == table.theirs[theirs]
    right = same.copy() if table.special else same
    for column in table.special:
        right[:, column] = table.equal(column, ours, theirs)
    whole = (right == (wanted | given)).all(1)
    sums = _Sums(ends)
    rights, records = sums.of(right), sums.of(whole)
    raw_right, raw_records = rights.sum(1), records
    alike = written.alike(places, same)
    if alike is not None or table.special:
        alike = same.sum(1) if alike is None else alike
        raw_right, raw_records = sums.of(alike), sums.of(whole & (alike == right.sum(1)))
    our_sums = _Sums([*(span.gold.start for span in spans), len(here)])
    columns = np.stack(
        [rights, _Sums([*(span.predicted.start for span in spans), len(there)]).of(there), our_sums.of(here)], axis=2
    )
    counted = [records, raw_records, raw_right, sums.of((wanted & ~given).sum(1)), sums.of((given & ~wanted).sum(1)),
               our_sums.of(table.our_sizes == 0)]  # fmt: skip
    return Counted(columns, np.stack(counted, axis=1)), _wrong(table, spans, paired, wanted & given & ~right)


def _tallies(table: Table, spans: Sequence[Span], paired: Paired, counted: Counted) -> list[Tally]:
    """Return the counts of each sample."""
    import numpy as np

    fields = counted.fields
    numbers = zip(
        spans, map(sub, paired.ends[1:], paired.ends), fields.tolist(),
        np.all(fields[:, :, 1:].any(2), axis=1).tolist(), fields.sum(1).tolist(), counted.sums.tolist(), strict=True,
    )  # fmt: skip
    columns = table.columns
    return [
        _TALLY([
            _COUNTS([sums[0], len(span.predicted), len(span.gold)]),
            sums[1],
            dict(zip(columns, map(_COUNTS, leaves), strict=True))
            if all_there
            else {path: _COUNTS(row) for path, row in zip(columns, leaves, strict=True) if row[1] or row[2]},
            _COUNTS(total),
            sums[2],
            len(span.gold) - pairs,
            len(span.predicted) - pairs,
            *sums[3:],
        ])
        for span, pairs, leaves, all_there, total, sums in numbers
    ]  # fmt: skip


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


def _wrong(table: Table, spans: Sequence[Span], paired: Paired, wrong: NDArray[np.bool_]) -> Wrong:
    """Return the wrong values, and whether another gold record of their sample has them in that field."""
    import numpy as np

    rows, of_columns = wrong.nonzero()
    columns = of_columns
    borders = np.searchsorted(rows, paired.ends)
    places = paired.places[rows]
    given = table.theirs[places[:, 1], columns]
    starts, counts = np.array([(span.gold.start, len(span.gold)) for span in spans], dtype=np.intp).reshape(-1, 2).T
    samples = np.repeat(np.arange(len(spans)), np.diff(borders))
    swapped = np.zeros(len(rows), dtype=np.bool_)
    width, values = len(table.columns), 2 + int(max(table.ours.max(initial=0), table.theirs.max(initial=0)))
    if width * values <= _CELLS:  # first, what stands in the column at all, which in many columns is little
        known = np.zeros((width, values), dtype=np.bool_)
        known[np.arange(width), table.ours] = True  # -1 is the last one, which is nobody's number
        asked = known[columns, given].nonzero()[0]
        samples, columns, given = samples[asked], columns[asked], given[asked]
    else:
        asked = np.arange(len(rows))
    if counts[samples].sum() <= _CELLS:
        swapped[asked] = _held(table, starts[samples], counts[samples], columns, given)
    else:  # one number for sample, column and value
        of_rows = np.repeat(np.arange(len(spans)), counts)
        held = (of_rows[:, None] * width + np.arange(width)) * values + table.ours
        swapped[asked] = np.isin((samples * width + columns) * values + given, held)
    return Wrong(places, of_columns, swapped, borders.tolist())


def _held(
    table: Table,
    starts: NDArray[np.intp],
    counts: NDArray[np.intp],
    columns: NDArray[np.intp],
    given: NDArray[np.int32],
) -> NDArray[np.bool_]:
    """Tell of each value in `given` whether one of `counts` gold rows from `starts` on, at least one, has it there."""
    import numpy as np

    if not len(given):
        return np.zeros(0, dtype=np.bool_)
    ends = np.cumsum(counts)
    rows = np.arange(ends[-1]) + np.repeat(starts - (ends - counts), counts)
    equal = table.ours[rows, np.repeat(columns, counts)] == np.repeat(given, counts)
    found: NDArray[np.bool_] = np.logical_or.reduceat(equal, ends - counts)
    return found


def verdicts(gold: Side, predicted: Side, span: Span, pairs: Pairs, wrong: Mapping[Leaf, str]) -> Iterator[Verdict]:
    """Yield the verdict on every leaf of one sample; `wrong` has the causes of its wrong values."""
    first, start = span.gold.start, span.predicted.start
    causes: dict[int, dict[str, str]] = {}
    for (one, _, path), cause in wrong.items():
        causes.setdefault(one, {})[path] = cause
    for one, other in pairs:
        ours, theirs, known = gold.forms[one], predicted.forms[other], causes.get(one, _NO_CAUSES)
        place, partner = one - first, other - start
        yield from map(_VERDICT, [
            (place, partner, path, WRONG, known[path]) if path in known
            else (place, partner, path, RIGHT if path in theirs else MISSING, None)
            for path in ours
        ])  # fmt: skip
        if theirs.keys() - ours.keys():
            yield from map(_VERDICT, [
                (place, partner, path, HALLUCINATED, None) for path in sorted(theirs.keys() - ours.keys())
            ])  # fmt: skip
    for one in sorted(set(span.gold) - {one for one, _ in pairs}):
        yield from map(_VERDICT, [(one - first, None, path, MISSING, None) for path in gold.forms[one]])
    for other in sorted(set(span.predicted) - {other for _, other in pairs}):
        yield from map(_VERDICT, [(None, other - start, path, HALLUCINATED, None) for path in predicted.forms[other]])
