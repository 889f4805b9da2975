"""The leaves of one sample as a table of integers, on which alignment and counting are whole-array operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from text2json.metrics.compare import Leaves, Rule
from text2json.metrics.flatten import Column, Flat
from text2json.metrics.forms import Form

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Row = tuple["Form | None", ...]


class Table:
    """Records as rows, leaves as columns; equal forms of one column have equal numbers.

    Args:
        gold: leaves of each gold record.
        predicted: leaves of each predicted record.
        pairwise: rules of the leaves whose equality is more than that of forms.

    Attributes:
        columns: the leaves' paths.
        gold, predicted: (columns, records) the forms, None where a leaf is absent.
        ours, theirs: (records, columns) the same as int32; an absent leaf is -1 in `ours` and -2 in `theirs`, so that
            absent on both sides is no match.
        our_sizes, their_sizes: (records,) how many leaves a record has.
        full: whether no leaf is absent anywhere.
    """

    def __init__(
        self, gold: Sequence[Leaves], predicted: Sequence[Leaves], pairwise: Mapping[str, Rule] | None = None
    ) -> None:
        import numpy as np

        self.columns = sorted(_fields(gold) | _fields(predicted))
        self.gold, self.predicted = (_columns(side, self.columns) for side in (gold, predicted))
        self.ours, self.theirs = (
            np.empty((len(self.columns), len(side)), dtype=np.int32).T for side in (gold, predicted)
        )
        for place, (path, ones, others) in enumerate(zip(self.columns, self.gold, self.predicted, strict=True)):
            kinds = {side.numbers.get(path) if isinstance(side, Flat) else None for side in (gold, predicted)}
            kind = kinds.pop() if len(kinds) == 1 else None
            found = None if kind is None else _of_numbers([*ones, *others], kind)
            if found is None:
                ids: dict[Form | None, int] = {None: 0}
                found = np.fromiter(  # a form keeps the number at which it was first met
                    map(ids.setdefault, chain(ones, others), count(1)), dtype=np.int32, count=len(ones) + len(others)
                )
            self.ours[:, place], self.theirs[:, place] = found[: len(ones)], found[len(ones) :]
        width = len(self.columns)
        self.our_sizes, self.their_sizes = ((side != 0).sum(1, dtype=np.int32) for side in (self.ours, self.theirs))
        self.full = bool(min(self.our_sizes.min(initial=width), self.their_sizes.min(initial=width)) == width)
        if not self.full:
            self.ours[self.ours == 0] = -1
            self.theirs[self.theirs == 0] = -2
        self.special = (
            {place: pairwise[path] for place, path in enumerate(self.columns) if path in pairwise} if pairwise else {}
        )

    def equal(self, column: int, ours: NDArray[np.intp], theirs: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return (pairs,) whether the leaves of `column` are equal and present, of gold rows and predicted rows."""
        same: NDArray[np.bool_] = self.ours[ours, column] == self.theirs[theirs, column]
        rule = self.special.get(column)
        if rule is not None:
            known: dict[tuple[Form, Form], bool] = {}
            for place in (~same).nonzero()[0].tolist():
                one, other = self.gold[column][ours[place]], self.predicted[column][theirs[place]]
                if one is not None and other is not None:
                    if (one, other) not in known:
                        known[one, other] = rule.close.pair(one, other)
                    same[place] = known[one, other]
        return same

    def equal_all(self, column: int, ours: NDArray[np.intp], theirs: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return (gold rows, predicted rows) the same for every pair of them."""
        import numpy as np

        same: NDArray[np.bool_] = self.ours[ours, None, column] == self.theirs[None, theirs, column]
        rule = self.special.get(column)
        if rule is not None:
            _, first, turn = np.unique(self.ours[ours, column], return_index=True, return_inverse=True)
            _, others, back = np.unique(self.theirs[theirs, column], return_index=True, return_inverse=True)
            golds = [self.gold[column][place] for place in ours[first].tolist()]
            given = [self.predicted[column][place] for place in theirs[others].tolist()]
            close = rule.close.table(golds, given)
            same |= close[turn[:, None], back]
        return same

    def work(self, ours: Sequence[int], theirs: Sequence[int]) -> int:
        """Return what `equal_all` of these rows costs in the fuzzy columns: characters times characters."""
        return sum(
            rule.close.work([self.gold[column][row] for row in ours], [self.predicted[column][row] for row in theirs])
            for column, rule in self.special.items()
        )


def rows_of(columns: Sequence[Column], places: Sequence[int]) -> list[Row]:
    """Return the forms of these records, one row each."""
    if not columns:
        return [()] * len(places)
    return list(zip(*[map(column.__getitem__, places) for column in columns], strict=True))


def _of_numbers(values: list[Any], kind: type) -> NDArray[np.int32] | None:
    """Return numbers from 1 on, equal for equal values of one type; None where numpy does not hold them exactly."""
    import numpy as np

    try:
        exact = np.array(values, dtype=np.int64 if kind is int else np.float64)
    except OverflowError:
        return None
    if np.isnan(exact).any():  # equal to nothing
        return None
    found: NDArray[np.int32] = np.unique(exact, return_inverse=True)[1].astype(np.int32)
    found += 1
    return found


def _fields(side: Sequence[Leaves]) -> set[str]:
    if isinstance(side, Flat) and side.columns is not None:
        return set(side.columns)
    return set().union(*side)


def _columns(side: Sequence[Leaves], fields: Sequence[str]) -> list[Column]:
    if isinstance(side, Flat) and side.columns is not None:
        absent = [None] * len(side)
        return [side.columns.get(field, absent) for field in fields]
    return [[leaves.get(field) for leaves in side] for field in fields]
