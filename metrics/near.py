"""Which of two unequal values are nearly equal: two texts that differ in few letters, two numbers within 1 %."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from text2json.metrics.flat_table import Numbered
from text2json.metrics.forms import Form
from text2json.metrics.table import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEAR = 80.0
"""Two texts are near from this `rapidfuzz.fuzz.ratio` on, case ignored; two numbers within 1 %."""
_LONGEST = 2_000


def near_cells(table: Table, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> list[bool]:
    """Tell of each pair of unequal leaves whether they are nearly equal.

    Args:
        table: what they stand in.
        rows: (pairs, 2) of the gold record and of the predicted one.
        columns: (pairs,) of both.
    """
    gold, predicted = table.gold, table.predicted
    known = gold.near(predicted, rows, columns) if isinstance(gold, Numbered) else None
    if known is None:
        return near(gold.cells(rows[:, 0], columns), predicted.cells(rows[:, 1], columns))
    unsure = (known < 0).nonzero()[0]
    rest, places = rows[unsure], columns[unsure]
    known[unsure] = near(gold.cells(rest[:, 0], places), predicted.cells(rest[:, 1], places))
    return known.astype(bool).tolist()  # type: ignore[no-any-return] # numpy's list of bool


def near(ones: Sequence[Form | None], others: Sequence[Form | None]) -> list[bool]:
    """Tell of each pair of unequal forms whether they are nearly equal: `NEAR`."""
    if not ones:
        return []
    from rapidfuzz.fuzz import ratio
    from rapidfuzz.process import cpdist

    found = cpdist(_texts(ones), _texts(others), scorer=ratio, score_cutoff=NEAR).astype(bool).tolist()
    unlike = [
        place
        for place, (one, other) in enumerate(zip(ones, others, strict=True))
        if one.__class__ is not str or other.__class__ is not str
    ]
    for place in unlike:
        found[place] = _near_numbers(ones[place], others[place])
    return found  # type: ignore[no-any-return] # numpy's list of bool


def _texts(forms: Sequence[Form | None]) -> list[str]:
    """Return forms without case; nothing for what is no text."""
    # The time for two texts grows with the product of their lengths.
    texts = [form[:_LONGEST] if isinstance(form, str) else "" for form in forms]
    folded = "\n".join(texts).casefold().split("\n")  # faster than one by one; a text in normal form has no line break
    return folded if len(folded) == len(texts) else [text.casefold() for text in texts]


def _near_numbers(one: Form | None, other: Form | None) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        try:
            return abs(one - other) <= 0.01 * abs(one)
        except OverflowError:  # a whole number beyond any float
            return False
    return False
