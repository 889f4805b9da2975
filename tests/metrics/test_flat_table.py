from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text2json.metrics import library
from text2json.metrics.counts import Side, Sides
from text2json.metrics.flat_json import read_columns
from text2json.metrics.flat_table import flat_table
from text2json.metrics.flatten import flatten
from text2json.metrics.record_schema import record_schema
from text2json.metrics.table import Table

pytestmark = pytest.mark.skipif(library.library() is None, reason="the library is not built here")
PROPERTIES = {
    "a": {"type": "string"},
    "b": {"type": "integer"},
    "c": {"enum": ["Open", "closed"]},
    "d": {"type": "string", "x-compare": {"case": False}},
    "e": {"type": "number", "x-compare": {"tolerance": 0.5}},
}
SCHEMA = record_schema(json.dumps({"type": "array", "items": {"type": "object", "properties": PROPERTIES}}))
TEXTS = ["x", "X", " x", "a  b", "a b", "é", "e\u0301", "", "1,000", "open", "OPEN", "true", "20110107"]
VALUES = st.sampled_from([*TEXTS, 1, 1.0, 1.5, 1000, 2**53, 2**53 + 1, 2.0**53, 2**64, 1e22, True, False, None])
RECORDS = st.lists(st.dictionaries(st.sampled_from("abcdef"), VALUES, max_size=5), max_size=4)


def both(gold: list[Any], predicted: list[Any]) -> tuple[Table, Table, Any, Any]:
    """Return the tables of columns and of leaves, each with what tells which values are written alike."""
    read = read_columns([json.dumps(gold), json.dumps(predicted)])
    assert read is not None
    assert read.counts == [len(gold), len(predicted)]
    fast, spellings = flat_table(read.only([True, True], 1), SCHEMA)
    ours, theirs = flatten([gold], SCHEMA.shape), flatten([predicted], SCHEMA.shape)
    slow = Table.of(ours, theirs, SCHEMA.pairwise)
    return fast, slow, spellings, Sides(Side(gold, ours), Side(predicted, theirs), slow.columns)


@settings(max_examples=150)
@given(RECORDS, RECORDS)
def test_a_table_of_columns_is_that_of_the_values(gold: list[Any], predicted: list[Any]) -> None:
    fast, slow, spellings, sides = both(gold, predicted)
    assert fast.columns == slow.columns
    assert fast.special == slow.special
    assert fast.full == slow.full
    same = [table.ours[:, None] == table.theirs[None] for table in (fast, slow)]
    assert (same[0] == same[1]).all()
    assert (fast.our_sizes == slow.our_sizes).all()
    assert (fast.their_sizes == slow.their_sizes).all()
    for one, other, count in ((fast.gold, slow.gold, len(gold)), (fast.predicted, slow.predicted, len(predicted))):
        assert one.rows(range(count)) == other.rows(range(count))
        rows, columns = np.divmod(np.arange(count * len(fast.columns)), max(1, len(fast.columns)))
        assert one.cells(rows, columns) == other.cells(rows, columns)
        for column in range(len(fast.columns)):
            assert one.column(column, range(count)) == other.column(column, range(count))
    pairs = [(one, other) for one in range(len(gold)) for other in range(len(predicted))]
    places = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    same_pairs = fast.ours[places[:, 0]] == fast.theirs[places[:, 1]]
    alike = [known.alike(places, same_pairs) for known in (spellings, sides)]
    counted = [same_pairs.sum(1) if found is None else found for found in alike]
    assert (counted[0] == counted[1]).all()


def test_values_that_are_their_own_form_stay_numbers() -> None:
    fast, _, spellings, _ = both([{"a": "x", "b": 1}], [{"a": "y", "b": None}])
    assert spellings.alike(np.zeros((1, 2), dtype=np.intp), np.ones((1, 2), dtype=np.bool_)) is None
    assert fast.gold.rows([0]) == [("x", 1)]
    assert fast.predicted.rows([0]) == [("y", None)]
