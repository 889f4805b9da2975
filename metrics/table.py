"""The leaves of one sample as a table of integers, on which alignment and counting are whole-array operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, count
from operator import itemgetter
from typing import TYPE_CHECKING

from text2json.metrics.compare import Leaves, Rule
from text2json.metrics.forms import Form

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Row = tuple["Form | None", ...]


class Table:
    """Records as rows, leaves as columns; equal forms have equal numbers.

    Args:
        gold: leaves of each gold record.
        predicted: leaves of each predicted record.
        pairwise: rules of the leaves whose equality is more than that of forms.

    Attributes:
        columns: the leaves' paths.
        gold, predicted: (records, columns) the forms, None where a leaf is absent.
        ours, theirs: (records, columns) the same as int32; an absent leaf is -1 in `ours` and -2 in `theirs`, so that
            absent on both sides is no match.
        our_sizes, their_sizes: (records,) how many leaves a record has.
    """

    def __init__(
        self, gold: Sequence[Leaves], predicted: Sequence[Leaves], pairwise: Mapping[str, Rule] | None = None
    ) -> None:
        import numpy as np

        self.columns = sorted(set().union(*gold, *predicted))
        self.gold, self.predicted = (_rows(side, self.columns) for side in (gold, predicted))
        ids: dict[Form | None, int] = {None: 0}
        numbers = count(1)  # a form keeps the number at which it was first met
        width = len(self.columns)
        self.ours, self.theirs = (
            np.fromiter(
                map(ids.setdefault, chain.from_iterable(rows), numbers), dtype=np.int32, count=width * len(rows)
            ).reshape(len(rows), width)
            for rows in (self.gold, self.predicted)
        )
        self.our_sizes, self.their_sizes = ((side != 0).sum(1, dtype=np.int32) for side in (self.ours, self.theirs))
        if min(self.our_sizes.min(initial=width), self.their_sizes.min(initial=width)) < width:
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
                one, other = self.gold[ours[place]][column], self.predicted[theirs[place]][column]
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
            golds = [self.gold[place][column] for place in ours[first].tolist()]
            given = [self.predicted[place][column] for place in theirs[others].tolist()]
            close = rule.close.table(golds, given)
            same |= close[turn[:, None], back]
        return same

    def work(self, ours: Sequence[int], theirs: Sequence[int]) -> int:
        """Return what `equal_all` of these rows costs in the fuzzy columns: characters times characters."""
        return sum(
            rule.close.work([self.gold[row][column] for row in ours], [self.predicted[row][column] for row in theirs])
            for column, rule in self.special.items()
        )


def _rows(records: Sequence[Leaves], columns: Sequence[str]) -> list[Row]:
    if records and columns:
        try:
            return list(zip(*[list(map(itemgetter(column), records)) for column in columns], strict=True))
        except KeyError:
            pass  # not all records have all leaves
    return [tuple(map(record.get, columns)) for record in records]
