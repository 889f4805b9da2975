"""Step 6: intervals by the bootstrap over samples (Efron 1979).

Whole documents are drawn again, never single leaves, which would make the intervals far too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 12345
CELLS = 1 << 14
"""How many draws are held in memory at once: as many as fit a processor's cache."""
KEPT = 1 << 21
"""Up to how many draws are kept for the next run."""

Ratio = tuple[Sequence[float], Sequence[float]] | tuple[Sequence[float], Sequence[float], Sequence[float]]
"""A figure as the ratio of two sums over samples: each sample's share in the numerator, and in the denominator.

Where a drawn denominator is 0 the figure is 1; with a third sum, if that is 0 too, else 0: precision is 0 where nothing
was predicted of what is there.
"""


def intervals(ratios: Sequence[Ratio], *, resamples: int = RESAMPLES, seed: int = SEED) -> list[tuple[float, float]]:
    """Return the 95 % percentile interval of each figure; all figures see the same draws.

    Args:
        ratios: the figures, over the same samples.
        resamples: how often the samples are drawn again.
        seed: of the drawing.
    """
    import numpy as np

    sides = [tuple(side) for ratio in ratios for side in (*ratio[:2], ratio[-1])]
    places = {side: place for place, side in enumerate(sorted(set(sides)))}  # many figures share a side
    table = np.array(list(places), dtype=np.float64)
    values = resampled(table, resamples, seed)[[places[side] for side in sides]]
    bounds = np.percentile(_ratios(values[0::3], values[1::3], values[2::3]), [2.5, 97.5], axis=1)
    return [(float(low), float(high)) for low, high in bounds.T]


def resampled(table: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Return (rows, resamples): the sums of each row of `table` (rows, samples) over samples drawn with repetition."""
    import numpy as np

    count = table.shape[1]
    drawn = _drawn(count, resamples, seed) if count * resamples <= KEPT else _draw(count, resamples, seed)
    return np.concatenate([times.astype(np.float64) @ table.T for times in drawn]).T


@lru_cache(maxsize=1)
def _drawn(count: int, resamples: int, seed: int) -> list[NDArray[np.unsignedinteger]]:
    """Return the draws, which are the same for every run of as many samples, and are most of the work."""
    return list(_draw(count, resamples, seed))


def _draw(count: int, resamples: int, seed: int) -> Iterator[NDArray[np.unsignedinteger]]:
    """Yield (some resamples, count): how often each sample was drawn."""
    import numpy as np

    rng = np.random.default_rng(seed)
    at_once = max(1, CELLS // count)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn = rng.integers(0, count, (rows, count))
        drawn += count * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)
        yield times.astype(np.uint16 if count < 1 << 16 else np.uint32)


def quotients(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (figures, resamples) from sums whose rows are numerators and denominators in turn; 1 for nothing."""
    return _ratios(sums[0::2], sums[1::2], sums[1::2])


def _ratios(
    numerators: NDArray[np.float64], denominators: NDArray[np.float64], others: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return quotients; where a denominator is 0, 1 if the other is 0 too, else 0."""
    import numpy as np

    found: NDArray[np.float64] = np.divide(
        numerators, denominators, out=(others == 0).astype(np.float64), where=denominators > 0
    )
    return found
