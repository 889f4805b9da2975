from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Indel

from text2json.metrics.closeness import LONGEST, Closeness

FORM = (
    st.text("abc", max_size=6)
    | st.integers(-9, 9)
    | st.floats(-9, 9)
    | st.just(float("inf"))
    | st.just(("bool", "True"))
    | st.none()
)
CLOSE = st.builds(
    Closeness,
    st.none() | st.floats(0.1, 1),
    st.none() | st.floats(0, 3),
    st.none() | st.floats(0, 0.5),
)


@given(CLOSE, st.lists(FORM, max_size=5), st.lists(FORM, max_size=5))
def test_the_table_says_of_each_pair_what_is_said_of_it_alone(close: Closeness, gold: Any, predicted: Any) -> None:
    found = close.table(gold, predicted)
    for row, one in enumerate(gold):
        for column, other in enumerate(predicted):
            alone = None not in (one, other) and close.pair(one, other)
            assert found[row, column] == alone


@given(st.text("abcd", min_size=1, max_size=8), st.text("abcd", min_size=1, max_size=8), st.floats(0.05, 1))
def test_texts_are_close_from_their_indel_similarity_on(one: str, other: str, similarity: float) -> None:
    alike = Indel.normalized_similarity(one, other)
    assert Closeness(similarity=similarity).pair(one, other) == (alike >= similarity) or abs(alike - similarity) < 1e-9


@pytest.mark.parametrize(
    ("close", "gold", "predicted", "expected"),
    [
        (Closeness(tolerance=0.5), 10, 10.5, True),
        (Closeness(tolerance=0.5), 10, 10.6, False),
        (Closeness(relative=0.01), -200, -198, True),
        (Closeness(relative=0.01), 0, 0.001, False),
        (Closeness(tolerance=1.0), 2**53, 2**53 + 2, False),
        (Closeness(tolerance=1.0), 10**4000, 10**4000 + 1, True),
        (Closeness(relative=0.1), 10**4000, 10**4000 + 1, True),
        *((Closeness(tolerance=0.01), gold, gold + 1, False) for gold in (1, 10)),
        *((Closeness(tolerance=0.01), *pair, True) for pair in ((1.0, 1.01), (19.99, 20.0), (99.99, 100.0))),
        (Closeness(tolerance=0.01), 1.0, 1.0100000000000002, False),
        *((Closeness(relative=0.1), *pair, True) for pair in ((1, 1.1), (3, 3.3), (0.3, 0.33), (70, 77))),
        (Closeness(relative=0.1), 10**4000, 1.5, False),
        (Closeness(relative=0.1), float("inf"), 1, False),
        (Closeness(tolerance=1.0), "10", 10, False),
        (Closeness(), "a", "a ", False),
    ],
    ids=range(21),
)
def test_numbers_are_close_within_the_bounds(close: Closeness, gold: Any, predicted: Any, expected: bool) -> None:
    assert close.pair(gold, predicted) is expected


@pytest.mark.parametrize("share", range(50, 100))
def test_a_bound_in_decimal_digits_is_met_by_what_stands_on_it(share: int) -> None:
    from rapidfuzz import fuzz

    one, other = "a" * share + "b" * (100 - share), "a" * share + "c" * (100 - share)
    assert fuzz.ratio(one, other) == pytest.approx(share)
    for close, gold, predicted in (
        (Closeness(similarity=share / 100), one, other),
        (Closeness(tolerance=share / 100), 0.01, (share + 1) / 100),
    ):
        assert close.pair(gold, predicted)
        assert close.table([gold], [predicted]).all()


def test_a_closeness_without_any_bound_is_none() -> None:
    assert not Closeness()
    assert Closeness(tolerance=0.0)


def test_texts_over_the_length_are_never_fuzzily_equal() -> None:
    start = time.perf_counter()
    long = "ab" * 10_000_000
    assert not Closeness(similarity=0.5).pair(long, long + "a")
    assert Closeness(similarity=0.5).pair(long[:LONGEST], long[: LONGEST - 1])
    assert time.perf_counter() - start < 10
