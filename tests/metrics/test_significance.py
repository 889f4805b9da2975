from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
from scipy import stats

from text2json.errors import DataError
from text2json.metrics import score
from text2json.metrics.report import Report
from text2json.metrics.significance import _swapped, compare


def run(rights: list[int | None], total: int = 4) -> Report:
    """Return the score of a run with so many of `total` records right in each sample; None for no answer."""
    gold = {str(i): [{"name": f"n{j}", "x": "1"} for j in range(total)] for i in range(len(rights))}
    answers = {
        str(i): json.dumps([{"name": f"n{j}", "x": "1" if j < right else "2"} for j in range(total)])
        for i, right in enumerate(rights)
        if right is not None
    }
    return score(answers, gold, key="name")


def difference(a: Report, b: Report, name: str = "records") -> Any:
    return next(item for item in compare(a, b).differences if item.figure == name)


def test_a_run_against_itself_is_no_different() -> None:
    one = run([1, 2, 3, 4])
    result = compare(one, one)
    assert [item.p for item in result.differences] == [1.0, 1.0]
    assert all(item.difference == 0 and item.interval == (0, 0) for item in result.differences)
    assert not result.changed
    assert result.better == result.worse == 0


def test_p_is_that_of_all_swaps_and_of_scipy() -> None:
    """With few samples every swap can be tried; samples of equal size make the difference a mean of differences."""
    ours, theirs = [1, 0, 2, 3, 1, 2, 4, 0], [3, 1, 2, 4, 0, 4, 4, 2]
    found = difference(run(list(ours)), run(list(theirs)))
    apart = np.array(theirs) - np.array(ours)
    exact = np.mean([abs(sum(s * d for s, d in zip(signs, apart, strict=True))) >= abs(apart.sum())
                     for signs in itertools.product((-1, 1), repeat=len(apart))])  # fmt: skip
    assert found.p == pytest.approx(exact, abs=0.015)
    peer = stats.permutation_test((apart,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert found.p == pytest.approx(peer, abs=0.015)
    assert found.difference == pytest.approx(apart.mean() / 4)


def test_the_interval_agrees_with_the_normal_approximation() -> None:
    rng = np.random.default_rng(4)
    ours, theirs = rng.integers(0, 5, 300), rng.integers(0, 5, 300)
    found = difference(run(ours.tolist()), run(theirs.tolist()))
    deviation = (theirs - ours).std() / 4 / 300**0.5
    assert found.interval[1] - found.interval[0] == pytest.approx(2 * 1.96 * deviation, rel=0.08)


def test_runs_that_differ_by_chance_alone_are_rarely_called_different() -> None:
    rng = np.random.default_rng(5)
    small = 0
    for _ in range(60):
        ours = np.array([rng.integers(0, 5, 40), np.full(40, 8)], dtype=float) * [[2], [1]]
        theirs = np.array([rng.integers(0, 5, 40), np.full(40, 8)], dtype=float) * [[2], [1]]
        seen = theirs[0].sum() / theirs[1].sum() - ours[0].sum() / ours[1].sum()
        small += np.mean(np.abs(_swapped(ours, theirs, 500, 1)) >= abs(seen)) < 0.05
    assert small <= 9  # 3 expected; 10 or more have a chance of 1 in 1,000


def test_the_samples_that_changed_most_come_first() -> None:
    result = compare(run([4, 4, 4, 4]), run([4, 3, 0, 2]))
    assert [item.id for item in result.changed] == ["2", "3", "1"]
    assert result.changed[0].records == (1.0, 0.0)
    assert (result.better, result.worse) == (0, 3)
    assert "2" in str(result)
    assert json.loads(json.dumps(result.to_dict()))["samples"] == 4


def test_unequal_sample_sets_are_refused_unless_told() -> None:
    with pytest.raises(DataError, match=r"4 and 3, 1 of one run only, for example '1'.*--only-common"):
        compare(run([1, 2, 3, 4]), run([1, None, 3, 4]))
    result = compare(run([1, 2, 3, 4]), run([1, None, 3, 4]), only_common=True)
    assert (result.samples, result.left_out) == (3, 1)
    assert result.differences[0].difference == 0
    with pytest.raises(DataError, match="no sample in common"):
        compare(run([1, None]), run([None, 1]), only_common=True)


def test_runs_under_different_rules_are_refused() -> None:
    one = run([1, 2])
    other = score({}, {"0": []}, data_name="another")
    with pytest.raises(DataError, match="different rules"):
        compare(one, other)
