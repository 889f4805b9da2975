"""Step 6: intervals by the bootstrap over samples (Efron 1979).

Whole documents are drawn again, never single leaves, which would make the intervals far too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence

from text2json.metrics.counts import Counts

RESAMPLES = 2000
SEED = 12345
CELLS = 1 << 22
"""How many draws are held in memory at once."""


def f1_interval(counts: Sequence[Counts], *, resamples: int = RESAMPLES, seed: int = SEED) -> tuple[float, float]:
    """Return the 95 % percentile interval of the micro F1 over samples.

    Args:
        counts: one for each sample.
        resamples: how often the samples are drawn again.
        seed: of the drawing.
    """
    import numpy as np

    table = np.array([(2 * item.right, item.predicted + item.gold) for item in counts], dtype=np.float64)
    rng = np.random.default_rng(seed)
    at_once = max(1, CELLS // len(table))
    sums = np.concatenate(
        [
            rng.multinomial(len(table), np.full(len(table), 1 / len(table)), min(at_once, resamples - start)) @ table
            for start in range(0, resamples, at_once)
        ]
    )
    values = np.divide(sums[:, 0], sums[:, 1], out=np.ones(resamples), where=sums[:, 1] > 0)
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
