from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from text2json.metrics.correlation import Pair, point_biserial, spearman

FIGURES = st.floats(0, 1, width=16)
PAIRS = st.lists(st.lists(st.tuples(FIGURES, FIGURES), max_size=4), max_size=12)


def flat(samples: list[list[Pair]]) -> tuple[list[float], list[float]]:
    return [a for pairs in samples for a, _ in pairs], [b for pairs in samples for _, b in pairs]


@given(PAIRS)
def test_spearman_is_scipys(samples: list[list[Pair]]) -> None:
    ours, theirs = flat(samples)
    found = spearman(samples, resamples=1)
    assert found.pairs == len(ours)
    assert found.samples == sum(bool(pairs) for pairs in samples)
    if len(set(ours)) < 2 or len(set(theirs)) < 2:
        assert found.value is None
    else:
        assert found.value == pytest.approx(stats.spearmanr(ours, theirs).statistic, abs=1e-9)


@given(st.lists(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.booleans()), max_size=4), max_size=12))
def test_point_biserial_is_scipys(samples: list[list[Pair]]) -> None:
    ours, theirs = flat(samples)
    assume(len(set(ours)) > 1 and len(set(theirs)) > 1)
    expected = stats.pointbiserialr(theirs, ours).statistic
    assert point_biserial(samples, resamples=1).value == pytest.approx(expected, abs=1e-9)


def test_the_interval_is_that_of_samples_drawn_again_and_covers_what_is_true() -> None:
    rng = np.random.default_rng(0)
    truth, covered = 0.6, 0
    for seed in range(40):
        one = rng.normal(size=40)
        other = truth * one + np.sqrt(1 - truth**2) * rng.normal(size=40)
        found = point_biserial([[(a, b)] for a, b in zip(one, other, strict=True)], resamples=200, seed=seed)
        assert found.interval is not None
        covered += found.interval[0] <= truth <= found.interval[1]
    assert covered >= 33  # 95 % of 40 is 38; percentile intervals of 40 pairs fall a little short


def test_pairs_of_one_sample_are_drawn_together() -> None:
    rng = np.random.default_rng(1)
    pairs = [(float(a), float(a + b)) for a, b in rng.normal(size=(30, 2))]
    alone, copied = (point_biserial(samples).interval for samples in ([[p] for p in pairs], [[p] * 20 for p in pairs]))
    assert alone == pytest.approx(copied)


def test_what_never_varies_has_no_correlation() -> None:
    assert spearman([[(0.5, 1.0)], [(0.5, 0.0)]]).value is None
    assert spearman([]).to_dict() == {"value": None, "interval": None, "pairs": 0, "samples": 0}


def test_what_never_varies_has_none_however_its_mean_is_rounded() -> None:
    assert point_biserial([[(0.1, 1)], [(0.1, 0)], [(0.1, 1)]]).value is None
    varied = point_biserial([[(0.1, 1.0)], [(0.2, 0.0)]])
    assert varied.value == pytest.approx(-1)
    assert varied.interval == pytest.approx((-1, -1))
