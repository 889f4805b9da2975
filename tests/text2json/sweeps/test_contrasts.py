from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.metrics.uncertainty import intervals
from text2json.sweeps.contrasts import Estimate, contrasts


def shares(seed: int, runs: int, samples: int) -> list[np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(runs):
        whole = rng.integers(1, 9, samples).astype(np.float64)
        found.append(np.stack([np.floor(rng.random(samples) * whole), whole]))
    return found


@given(seed=st.integers(0, 1000), samples=st.integers(2, 40))
def test_values_are_weighted_sums_of_ratios(seed: int, samples: int) -> None:
    runs = shares(seed, 3, samples)
    scores = [run[0].sum() / run[1].sum() for run in runs]
    alone, apart, all_three = contrasts(runs, [[1, 0, 0], [0, 1, -1], [1, -2, 1]], resamples=50)
    assert alone.value == pytest.approx(scores[0])
    assert apart.value == pytest.approx(scores[1] - scores[2])
    assert all_three.value == pytest.approx(scores[0] - 2 * scores[1] + scores[2])
    assert apart.low <= apart.high


def test_a_single_score_has_the_interval_of_the_scorer() -> None:
    (run,) = shares(5, 1, 30)
    (found,) = contrasts([run], [[1]], resamples=500, seed=7)
    (expected,) = intervals([(run[0].tolist(), run[1].tolist())], resamples=500, seed=7)
    assert (found.low, found.high) == pytest.approx(expected)


def test_draws_are_paired_so_that_a_run_never_differs_from_itself() -> None:
    (run,) = shares(6, 1, 30)
    (same,) = contrasts([run, run], [[1, -1]])
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_a_paired_interval_is_that_of_numpy_over_the_same_draws() -> None:
    """Samples of equal weight: the difference of means is the mean of differences, whose bootstrap is drawn here."""
    rng = np.random.default_rng(1)
    ours, theirs = rng.random(25), rng.random(25)
    one = np.ones(25)
    (found,) = contrasts([np.stack([ours, one]), np.stack([theirs, one])], [[1, -1]], resamples=4000)
    draws = rng.integers(0, 25, (4000, 25))
    low, high = np.percentile((ours - theirs)[draws].mean(1), [2.5, 97.5])
    assert found.low == pytest.approx(low, abs=0.02)
    assert found.high == pytest.approx(high, abs=0.02)


def test_in_words() -> None:
    assert str(Estimate(0.5, 0.25, 0.75)) == "0.500 (0.250 to 0.750)"
    assert Estimate(0.5, -0.25, 0.75).signed == "+0.500 (-0.250 to +0.750)"
