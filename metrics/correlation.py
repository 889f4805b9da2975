"""Does one figure predict another? Rank and point-biserial correlation, with intervals by a bootstrap over samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from text2json.metrics.uncertainty import RESAMPLES, SEED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Pair = tuple[float, float]


@dataclass(frozen=True)
class Correlation:
    """A coefficient between -1 and 1; None where one side never varies.

    Args:
        value: the coefficient.
        interval: its 95 % percentile interval; draws in which one side never varies are left out; None where
            that is all of them.
        pairs: how many pairs it is over.
        samples: how many samples they come from.
    """

    value: float | None
    interval: tuple[float, float] | None
    pairs: int
    samples: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def spearman(samples: Sequence[Sequence[Pair]], *, resamples: int = RESAMPLES, seed: int = SEED) -> Correlation:
    """Return Spearman's rank correlation (1904) over all pairs, equal values at their mean rank.

    Args:
        samples: each sample's pairs; samples are drawn again with all of their pairs.
        resamples: how often.
        seed: of the drawing.
    """
    from scipy.stats import rankdata

    def ranked(pairs: NDArray[np.float64]) -> float | None:
        return _pearson(rankdata(pairs[:, 0]), rankdata(pairs[:, 1]))

    return _with_interval(samples, ranked, resamples, seed)


def point_biserial(samples: Sequence[Sequence[Pair]], *, resamples: int = RESAMPLES, seed: int = SEED) -> Correlation:
    """Return the correlation of a figure with a yes or no, 1 or 0, over all pairs: Pearson's, as by definition.

    Args:
        samples: each sample's pairs (figure, yes or no).
        resamples: how often samples are drawn again.
        seed: of the drawing.
    """
    return _with_interval(samples, lambda pairs: _pearson(pairs[:, 0], pairs[:, 1]), resamples, seed)


def _with_interval(
    samples: Sequence[Sequence[Pair]],
    figure: Callable[[NDArray[np.float64]], float | None],
    resamples: int,
    seed: int,
) -> Correlation:
    import numpy as np

    given = [np.array(pairs, dtype=np.float64) for pairs in samples if pairs]
    count = sum(map(len, given))
    value = figure(np.concatenate(given)) if given else None
    if value is None:
        return Correlation(None, None, count, len(given))
    rng = np.random.default_rng(seed)
    drawn = (figure(np.concatenate([given[place] for place in rng.integers(0, len(given), len(given))]))
             for _ in range(resamples))  # fmt: skip
    known = [one for one in drawn if one is not None]
    bounds = np.percentile(known, [2.5, 97.5]) if known else None
    return Correlation(value, None if bounds is None else (float(bounds[0]), float(bounds[1])), count, len(given))


def _pearson(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    import numpy as np

    if one.min() == one.max() or other.min() == other.max():  # whose means may be off by rounding
        return None
    ours, theirs = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((ours @ ours) * (theirs @ theirs)))
    return float(ours @ theirs) / scale if scale > 0 else None
