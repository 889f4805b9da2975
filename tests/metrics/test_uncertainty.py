from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from text2json.metrics import uncertainty as module
from text2json.metrics.scoring import score
from text2json.metrics.uncertainty import intervals, quotients, resampled

RNG = np.random.default_rng(3)
RIGHT, SIZE = RNG.integers(0, 9, 60).astype(float), RNG.integers(9, 12, 60).astype(float)


def test_the_interval_is_that_of_scipys_percentile_bootstrap() -> None:
    ((low, high),) = intervals([(RIGHT.tolist(), SIZE.tolist())])
    theirs = bootstrap(
        (RIGHT, SIZE), lambda right, size, axis: right.sum(axis) / size.sum(axis), paired=True, method="percentile",
        n_resamples=20_000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert low == pytest.approx(theirs.low, abs=0.006)
    assert high == pytest.approx(theirs.high, abs=0.006)


@pytest.mark.parametrize("cells", [1, 130, 1 << 20])
@pytest.mark.parametrize("kept", [0, 1 << 21])
def test_sums_are_those_of_drawing_sample_by_sample(cells: int, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CELLS", cells)
    monkeypatch.setattr(module, "KEPT", kept)
    module._drawn.cache_clear()
    drawn = np.random.default_rng(7).integers(0, 60, (50, 60))
    expected = np.array([[side[row].sum() for row in drawn] for side in (RIGHT, SIZE)])
    for _ in range(2):  # the second time from what was kept
        assert resampled(np.array([RIGHT, SIZE]), 50, 7) == pytest.approx(expected)
    module._drawn.cache_clear()


def test_kept_draws_are_those_of_the_seed_and_the_number_of_samples() -> None:
    table = np.array([RIGHT, SIZE])
    first = resampled(table, 40, 1)
    assert not np.array_equal(first, resampled(table, 40, 2))
    assert resampled(table[:, :30], 40, 1).shape == (2, 40)
    assert np.array_equal(first, resampled(table, 40, 1))


def test_a_figure_of_nothing_is_1() -> None:
    assert quotients(np.array([[0.0, 3.0], [0.0, 4.0]])).tolist() == [[1.0, 0.75]]
    assert intervals([([0.0, 0.0], [0.0, 0.0])]) == [(1.0, 1.0)]


def test_what_has_no_denominator_is_1_only_where_there_was_nothing_on_the_other_side_either() -> None:
    """Precision of one wrong answer and one empty one: 0 in every draw, of whatever was answered."""
    assert intervals([([0.0, 0.0], [1.0, 0.0], [1.0, 1.0])]) == [(0.0, 0.0)]
    assert intervals([([0.0, 0.0], [0.0, 0.0], [0.0, 0.0])]) == [(1.0, 1.0)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.lists(st.sampled_from("abc"), max_size=2)] * 2), min_size=1, max_size=4))
def test_intervals_hold_their_figures_whatever_is_empty(run: list[tuple[list[str], list[str]]]) -> None:
    gold = {str(place): [{"n": one} for one in side] for place, (side, _) in enumerate(run)}
    report = score({str(place): [{"n": one} for one in side] for place, (_, side) in enumerate(run)}, gold)
    if len(run) == 1:
        for figures in (report.records, report.fields):
            assert figures.precision_interval == (figures.precision, figures.precision)
            assert figures.recall_interval == (figures.recall, figures.recall)
            assert figures.f1_interval == (figures.f1, figures.f1)
    if not report.records.right and report.records.gold and report.records.predicted:
        assert 0 in (report.records.precision_interval[0], report.records.recall_interval[0])
