from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix

from text2json.metrics import assignment as module
from text2json.metrics.assignment import Rest, assign, by_rare_leaves, only_best
from text2json.metrics.table import Table

MATRIX = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 4), min_size=width, max_size=width), min_size=1, max_size=5)
)
RECORDS = st.lists(st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), max_size=3), min_size=1, max_size=5)


def best(matches: np.ndarray) -> int:
    rows, columns = linear_sum_assignment(matches, maximize=True)
    return int(matches[rows, columns].sum())


def rest(gold: list[dict[str, str]], predicted: list[dict[str, str]], gate: float = 0.0) -> Rest:
    table = Table.of([dict(one) for one in gold], [dict(other) for other in predicted])
    return Rest(table, list(range(len(gold))), list(range(len(predicted))), gate, 10**9)


@given(MATRIX)
def test_the_assignment_is_as_good_as_scipys_and_pairs_no_strangers(rows: list[list[int]]) -> None:
    matches = np.array(rows, dtype=np.int32)
    pairs = assign(matches)
    assert sum(matches[pair] for pair in pairs) == best(matches)
    assert all(matches[pair] > 0 for pair in pairs)
    assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)


@given(MATRIX)
def test_blocks_are_as_good_as_the_whole(rows: list[list[int]]) -> None:
    matches = np.array(rows, dtype=np.int32)
    pairs, exact = module._by_blocks(csr_matrix(matches))
    assert exact
    assert sum(matches[pair] for pair in pairs) == best(matches)


@given(RECORDS, RECORDS, st.sampled_from([0.0, 0.25, 0.6]))
def test_matches_are_the_equal_leaves_of_pairs_that_pass_the_gate(
    gold: list[dict[str, str]], predicted: list[dict[str, str]], gate: float
) -> None:
    found = rest(gold, predicted, gate).matches(0, len(gold))
    for one, ours in enumerate(gold):
        for other, theirs in enumerate(predicted):
            shared = len(ours.items() & theirs.items())
            passed = 2 * shared >= gate * (len(ours) + len(theirs))
            assert found[one, other] == (shared if passed else 0)


@given(RECORDS, RECORDS)
def test_only_best_is_the_best_assignment_and_the_only_one(
    gold: list[dict[str, str]], predicted: list[dict[str, str]]
) -> None:
    one = rest(gold, predicted)
    pairs = only_best(one)
    matches = one.matches(0, len(gold))
    if pairs is not None:
        assert sum(matches[pair] for pair in pairs) == best(matches)
        for pair in pairs:  # without it, another is worse
            less = matches.copy()
            less[pair] = 0
            assert best(less) < best(matches)


@given(RECORDS, RECORDS)
def test_greedy_pairs_share_leaves_and_stand_once(gold: list[dict[str, str]], predicted: list[dict[str, str]]) -> None:
    one = rest(gold, predicted)
    pairs = by_rare_leaves(one)
    matches = one.matches(0, len(gold))
    assert all(matches[pair] > 0 for pair in pairs)
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
    assert 2 * sum(matches[pair] for pair in pairs) >= best(matches)


@pytest.mark.parametrize(("start", "end"), [(0, 2), (1, 3), (2, 9)])
def test_strips_of_the_table_are_its_rows(start: int, end: int) -> None:
    one = rest([{"a": "x"}, {"a": "y"}, {"a": "z"}], [{"a": "y"}, {"a": "x"}])
    assert one.matches(start, end).tolist() == one.matches(0, 3)[start:end].tolist()
