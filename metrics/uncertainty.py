"""Step 6: intervals by the bootstrap over samples (Efron 1979): whole documents are drawn again, never single leaves."""

from __future__ import annotations

from collections.abc import Sequence

from text2json.metrics.counts import Counts

RESAMPLES = 2000
SEED = 12345


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
    values = np.empty(resamples)
    for number in range(resamples):
        twice, total = table[rng.integers(0, len(table), len(table))].sum(0)
        values[number] = twice / total if total else 1.0
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
