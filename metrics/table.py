"""The leaves of one sample as a table of integers, on which alignment and counting are whole-array operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count
from typing import TYPE_CHECKING, Any, Protocol

from text2json.metrics.compare import Leaves, Rule
from text2json.metrics.flatten import Column, Flat
from text2json.metrics.forms import Form

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Row = tuple["Form | None", ...]


class Forms(Protocol):
    """The leaves of one side's records: columns of normal forms, None where a leaf is absent."""

    def column(self, column: int, rows: Sequence[int]) -> list[Form | None]:
        """Return the forms of these rows in one column."""

    def cells(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> list[Form | None]:
        """Return the forms of these cells, one for each row and its column."""

    def rows(self, rows: Sequence[int]) -> list[Row]:
        """Return the forms of these rows, one row each."""


class Listed(list[Column]):
    """Forms as lists of Python values, one a column."""

    def column(self, column: int, rows: Sequence[int]) -> list[Form | None]:
        """Return the forms of these rows in one column."""
        return list(map(self[column].__getitem__, rows))

    def cells(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> list[Form | None]:
        """Return the forms of these cells, one for each row and its column."""
        return [self[column][row] for row, column in zip(rows.tolist(), columns.tolist(), strict=True)]

    def rows(self, rows: Sequence[int]) -> list[Row]:
        """Return the forms of these rows, one row each."""
        if not self:
            return [()] * len(rows)
        return list(zip(*[map(column.__getitem__, rows) for column in self], strict=True))


class Table:
    """Records as rows, leaves as columns; equal forms of one column have equal numbers.

    Args:
        columns: the leaves' paths.
        gold, predicted: the forms.
        ours, theirs: (records, columns) int32 numbers from 1 on, equal where two forms of one column are; 0 where a
            leaf is absent. They are changed in place.
        special: column → its rule, of those whose equality is more than that of forms.

    Attributes:
        ours, theirs: the numbers; an absent leaf is -1 in `ours` and -2 in `theirs`, so that absent on both sides is no
            match.
        our_sizes, their_sizes: (records,) how many leaves a record has.
        full: whether no leaf is absent anywhere.
    """

    def __init__(
        self,
        columns: list[str],
        gold: Forms,
        predicted: Forms,
        ours: NDArray[np.int32],
        theirs: NDArray[np.int32],
        special: Mapping[int, Rule],
    ) -> None:
        import numpy as np

        self.columns, self.gold, self.predicted, self.ours, self.theirs = columns, gold, predicted, ours, theirs
        self.special = special
        width = len(self.columns)
        self.our_sizes, self.their_sizes = ((side != 0).sum(1, dtype=np.int32) for side in (self.ours, self.theirs))
        self.full = bool(min(self.our_sizes.min(initial=width), self.their_sizes.min(initial=width)) == width)
        if not self.full:
            self.ours[self.ours == 0] = -1
            self.theirs[self.theirs == 0] = -2

    @classmethod
    def of(
        cls,
        gold: Sequence[Leaves],
        predicted: Sequence[Leaves],
        special: Callable[[Sequence[str]], Mapping[int, Rule]] = lambda columns: {},
    ) -> Table:
        """Return the table of records that are given as leaves; `special` finds the columns' rules."""
        import numpy as np

        columns = sorted(paths(gold, predicted))
        ones, others = (Listed(_columns(side, columns)) for side in (gold, predicted))
        ours, theirs = (np.empty((len(columns), len(side)), dtype=np.int32).T for side in (gold, predicted))
        for place, (path, one, other) in enumerate(zip(columns, ones, others, strict=True)):
            kinds = {side.numbers.get(path) if isinstance(side, Flat) else None for side in (gold, predicted)}
            kind = kinds.pop() if len(kinds) == 1 else None
            found = None if kind is None else _of_numbers([*one, *other], kind)
            if found is None:
                ids: dict[Form | None, int] = {None: 0}
                found = np.fromiter(  # a form keeps the number at which it was first met
                    map(ids.setdefault, chain(one, other), count(1)), dtype=np.int32, count=len(one) + len(other)
                )
            ours[:, place], theirs[:, place] = found[: len(one)], found[len(one) :]
        return cls(columns, ones, others, ours, theirs, special(columns))

    def equal(self, column: int, ours: NDArray[np.intp], theirs: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return (pairs,) whether the leaves of `column` are equal and present, of gold rows and predicted rows."""
        same: NDArray[np.bool_] = self.ours[ours, column] == self.theirs[theirs, column]
        rule = self.special.get(column)
        if rule is not None:
            known: dict[tuple[Form, Form], bool] = {}
            unlike = (~same).nonzero()[0]
            golds = self.gold.column(column, ours[unlike].tolist())
            given = self.predicted.column(column, theirs[unlike].tolist())
            for place, one, other in zip(unlike.tolist(), golds, given, strict=True):
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
            golds = self.gold.column(column, ours[first].tolist())
            given = self.predicted.column(column, theirs[others].tolist())
            close = rule.close.table(golds, given)
            same |= close[turn[:, None], back]
        return same

    def work(self, ours: Sequence[int], theirs: Sequence[int]) -> int:
        """Return what `equal_all` of these rows costs in the fuzzy columns: characters times characters."""
        return sum(
            rule.close.work(self.gold.column(column, ours), self.predicted.column(column, theirs))
            for column, rule in self.special.items()
        )


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


def paths(*sides: Sequence[Leaves]) -> set[str]:
    """Return the paths of all leaves."""
    found: set[str] = set()
    for side in sides:
        found.update(*([side.columns] if isinstance(side, Flat) and side.columns is not None else side))
    return found


def _columns(side: Sequence[Leaves], fields: Sequence[str]) -> list[Column]:
    if isinstance(side, Flat) and side.columns is not None:
        absent = [None] * len(side)
        return [side.columns.get(field, absent) for field in fields]
    return [[leaves.get(field) for leaves in side] for field in fields]
