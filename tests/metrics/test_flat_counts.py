from __future__ import annotations

import json
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text2json.metrics import library
from text2json.metrics.counts import Span, tally
from text2json.metrics.flat_json import read_columns
from text2json.metrics.flat_table import flat_table
from text2json.metrics.record_schema import record_schema
from text2json.metrics.together import align_all

pytestmark = pytest.mark.skipif(library.library() is None, reason="the library is not built here")
PROPERTIES = {
    "a": {"type": "string"},
    "b": {"enum": ["Open", "shut"]},
    "c": {"type": "string", "x-compare": {"case": False}},
}
SCHEMA = record_schema(json.dumps({"type": "array", "items": {"type": "object", "properties": PROPERTIES}}))
VALUES = st.sampled_from(["x", "X", "x ", "open", "Open", "shut", 1, 1.0, True, None])
SIDE = st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES), max_size=5)


@settings(max_examples=60)
@given(st.lists(st.tuples(SIDE, SIDE), min_size=1, max_size=4), st.sampled_from([None, "a"]))
def test_the_library_counts_what_whole_arrays_count(samples: list[tuple[Any, Any]], key: str | None) -> None:
    sides = [[side for side, _ in samples], [side for _, side in samples]]
    read = read_columns([json.dumps(records) for side in sides for records in side])
    assert read is not None
    table, spellings = flat_table(read.only([True] * 2 * len(samples), len(samples)), SCHEMA)
    ends = [pairwise(accumulate(map(len, side), initial=0)) for side in sides]
    spans = [Span(range(*one), range(*other)) for one, other in zip(*ends, strict=True)]
    paired = align_all(table, spans, key)
    assert spellings.counted(table, spans, paired) is not None
    fast, wrong = tally(table, spellings, spans, paired)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "library", lambda: None)
        assert spellings.counted(table, spans, paired) is None
        slow, plainly = tally(table, spellings, spans, paired)
    assert fast == slow
    assert wrong.ends == plainly.ends
    for one, other in (
        (wrong.places, plainly.places),
        (wrong.columns, plainly.columns),
        (wrong.swapped, plainly.swapped),
    ):
        assert one.tolist() == other.tolist()
