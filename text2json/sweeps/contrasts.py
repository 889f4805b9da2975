"""Sums and differences of scores over the same samples, with intervals by the paired bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from text2json.metrics.uncertainty import SEED, quotients, resampled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 10_000


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"

    @property
    def signed(self) -> str:
        """The same with its sign, as a difference is told."""
        return f"{self.value:+.3f} ({self.low:+.3f} to {self.high:+.3f})"


def contrasts(
    shares: Sequence[NDArray[np.float64]],
    weights: Sequence[Sequence[float]],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[Estimate]:
    """Return weighted sums of several runs' scores; a draw takes the same samples from every run.

    Args:
        shares: for each run (2, samples): each sample's share in the numerator and in the denominator of its score,
            samples in the same order.
        weights: for each figure a weight for each run, as in (1, -1) for a difference.
        resamples: draws of the bootstrap.
        seed: of the draws.
    """
    import numpy as np

    table = np.concatenate(list(shares))
    by = np.asarray(weights, dtype=np.float64)
    seen = by @ quotients(table.sum(1, keepdims=True))
    drawn = by @ quotients(resampled(table, resamples, seed))
    bounds = np.percentile(drawn, [2.5, 97.5], axis=1)
    return [
        Estimate(float(value), float(low), float(high)) for value, low, high in zip(seen[:, 0], *bounds, strict=True)
    ]
