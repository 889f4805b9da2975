from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from text2json.metrics import library
from text2json.metrics.flat_json import read_columns
from text2json.metrics.flat_table import Numbered, flat_table
from text2json.metrics.near import NEAR, near, near_cells
from text2json.metrics.record_schema import record_schema

SCHEMA = record_schema(json.dumps({"type": "array", "items": {"properties": {"e": {"enum": ["Open", "shut"]}}}}))


def test_near_is_a_similarity_of_80_or_one_percent() -> None:
    pairs: list[Any] = [("abcde", "abcdx"), ("abcde", "abxyz"), (100, 101), (100, 102), ("100", 100), (0, 1)]
    pairs += [("x", 5), (5, ""), (("list", "[]"), "x"), ("a\nb", "A\nB"), ("ß" * 9, "SS" * 9)]
    ones, others = zip(*pairs, strict=True)
    near_ones = [True, False, True, False, False, False, False, False, False, True, True]
    assert near(ones, others) == near_ones
    assert near([], []) == []


@given(st.lists(st.tuples(st.text("abAB\n ß", max_size=6), st.text("abAB\n ß", max_size=6))))
def test_texts_are_near_as_rapidfuzz_has_them_one_by_one(pairs: list[tuple[str, str]]) -> None:
    expected = [fuzz.ratio(one.casefold(), other.casefold()) >= NEAR for one, other in pairs]
    assert near([one for one, _ in pairs], [other for _, other in pairs]) == expected


@pytest.mark.parametrize(("gold", "predicted"), [(10**400, 5), (1.5, 10**400), (10**400, 1e300)])
def test_numbers_beyond_any_float_are_near_to_nothing(gold: float, predicted: float) -> None:
    assert near([gold], [predicted]) == [False]


LETTERS = st.text("abAB -", max_size=12)
EDITED = st.tuples(st.text("abcABC.", min_size=1, max_size=90), st.integers(0, 80), st.sampled_from(["", "x", "C"]))
NUMBERS = st.sampled_from([0, 1, 100, 101, 1.5, 1.515, 1.5151, -3, 99.0, 2**52 + 1, 2**53, -(2**60), 1e300, 0.1])
VALUES = LETTERS | NUMBERS | st.sampled_from(["é", "ß", "Open", "open", True, None, 2**70, "x" * 2001, "x" * 2000])
PAIRS = st.tuples(VALUES, VALUES) | EDITED.map(
    lambda made: (made[0], made[0][: made[1]] + made[2] + made[0][made[1] + 1 :])
)


@pytest.mark.skipif(library.library() is None, reason="the library is not built here")
@given(st.lists(PAIRS, min_size=1, max_size=8), st.sampled_from("ae"))
@example(
    [("abcde" * 13, "abcde" * 13 + "x"), ("abcd" * 16, "abcd" * 20), ("a" * 64, "a" * 96), ("a" * 64, "a" * 97)], "a"
)
def test_what_the_library_tells_of_nearness_is_told_without_it(pairs: list[tuple[Any, Any]], name: str) -> None:
    texts = [json.dumps([{name: value} for value in side], ensure_ascii=False) for side in zip(*pairs, strict=True)]
    read = read_columns(texts)
    assert read is not None
    table, _ = flat_table(read.only([True, True], 1), SCHEMA)
    if not table.columns:
        return
    rows = np.array([[place, place] for place, pair in enumerate(pairs) if None not in pair], dtype=np.intp).reshape(
        -1, 2
    )
    columns = np.zeros(len(rows), dtype=np.intp)
    assert isinstance(table.gold, Numbered)
    forms = table.gold.cells(rows[:, 0], columns), table.predicted.cells(rows[:, 1], columns)
    assert near_cells(table, rows, columns) == near(*forms)


@pytest.mark.skipif(library.library() is None, reason="the library is not built here")
def test_what_is_told_by_the_library_alone() -> None:
    plain = [("abcde", "abcdX"), ("abcde", "abXYZ"), ("", "b"), ("AB", "ab"), (100, 101), (1.5, 1.6), ("5", 5)]
    asked = [("", ""), ("x" * 65, "x" * 66), ("x", "x" * 2001), (2**52 + 1, 2**52 + 2)]
    read = read_columns([json.dumps([{"a": pair[side]} for pair in plain + asked]) for side in (0, 1)])
    assert read is not None
    table, _ = flat_table(read.only([True, True], 1), SCHEMA)
    rows = np.arange(len(plain + asked)).repeat(2).reshape(-1, 2)
    assert isinstance(table.gold, Numbered)
    known = table.gold.near(table.predicted, rows, np.zeros(len(rows), dtype=np.intp))
    assert known is not None
    assert known.tolist() == [1, 0, 0, 1, 1, 0, 0] + [-1] * len(asked)
