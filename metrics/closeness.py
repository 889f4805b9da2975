"""Equality that is more than that of normal forms: a fuzzy text, a number within a tolerance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeGuard

from text2json.metrics.forms import Form

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST = 20_000
"""Characters of a text above which it is never fuzzily equal: the time grows with the product of two lengths."""
ROUNDING = 2.0**-50
"""Share of a number within which floats do not tell whether a bound is met: 1.01 - 1.00 is above 0.01 in them."""


@dataclass(frozen=True)
class Closeness:
    """When two unequal forms of one field are equal nonetheless.

    Args:
        similarity: two texts are, from this `rapidfuzz.fuzz.ratio` / 100 on.
        tolerance: two numbers are, within this absolute difference.
        relative: two numbers are, within this share of the gold one.
    """

    similarity: float | None = None
    tolerance: float | None = None
    relative: float | None = None

    def __bool__(self) -> bool:
        return not (self.similarity is None and self.tolerance is None and self.relative is None)

    def pair(self, gold: Form, predicted: Form) -> bool:
        """Tell whether two unequal forms are close."""
        if self._fuzzy(gold) and self._fuzzy(predicted):
            from rapidfuzz import fuzz

            return fuzz.ratio(gold, predicted, score_cutoff=self._cutoff) > 0
        if isinstance(gold, int | float) and isinstance(predicted, int | float):
            return self._near(gold, predicted)
        return False

    def _near(self, gold: float, predicted: float) -> bool:
        """Tell whether two numbers are close, exactly, in the decimal digits in which they are written."""
        if not all(isinstance(number, int) or math.isfinite(number) for number in (gold, predicted)):
            return False
        one, other = _exact(gold), _exact(predicted)
        allowed = max(_exact(self.tolerance or 0), _exact(self.relative or 0) * abs(one))
        return allowed > 0 and abs(one - other) <= allowed

    def table(self, gold: Sequence[Form | None], predicted: Sequence[Form | None]) -> NDArray[np.bool_]:
        """Return (gold, predicted) whether they are close; here a number beyond 64-bit floats is close to nothing."""
        import numpy as np

        found = np.zeros((len(gold), len(predicted)), dtype=np.bool_)
        if self.similarity is not None:
            from rapidfuzz.fuzz import ratio
            from rapidfuzz.process import cdist

            ours, theirs = (
                {place: form for place, form in enumerate(side) if self._fuzzy(form)} for side in (gold, predicted)
            )
            if ours and theirs:
                scores = cdist(
                    list(ours.values()),
                    list(theirs.values()),
                    scorer=ratio,
                    score_cutoff=self._cutoff,
                    dtype=np.float64,
                )
                found[np.ix_(list(ours), list(theirs))] = scores > 0
        if self.tolerance is not None or self.relative is not None:
            one, other = _floats(gold)[:, None], _floats(predicted)[None]
            with np.errstate(invalid="ignore", over="ignore"):  # an infinity is close to nothing
                allowed = np.maximum(self.tolerance or 0.0, (self.relative or 0.0) * np.abs(one))
                spare = np.where((allowed > 0) & np.isfinite(allowed), allowed - np.abs(one - other), -np.inf)
                unclear = np.abs(spare) <= ROUNDING * np.maximum(np.abs(one), np.abs(other))
                found |= (spare >= 0) & ~unclear
            for row, column in np.argwhere(unclear).tolist():
                found[row, column] |= self.pair(gold[row] or 0, predicted[column] or 0)
        return found

    def work(self, gold: Sequence[Form | None], predicted: Sequence[Form | None]) -> int:
        """Return what a table of the texts costs: characters of the one side times those of the other."""
        if self.similarity is None:
            return 0
        ours, theirs = (sum(len(form) for form in set(side) if self._fuzzy(form)) for side in (gold, predicted))
        return ours * theirs

    @property
    def _cutoff(self) -> float:
        return 100 * (self.similarity or 0) * (1 - 1e-6)  # a tenth of the step of the longest texts

    def _fuzzy(self, form: Form | None) -> TypeGuard[str]:
        return self.similarity is not None and isinstance(form, str) and len(form) <= LONGEST


def _floats(forms: Sequence[Form | None]) -> NDArray[np.float64]:
    """Return numbers as they are and all else as not a number, which is close to nothing."""
    import numpy as np

    return np.array([_float(form) for form in forms], dtype=np.float64)


def _exact(number: float) -> Fraction:
    return Fraction(repr(number) if isinstance(number, float) else number)


def _float(form: Form | None) -> float:
    if not isinstance(form, int | float):
        return float("nan")
    try:
        return float(form)
    except OverflowError:
        return float("nan")
