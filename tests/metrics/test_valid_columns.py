from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text2json.metrics import library
from text2json.metrics.flat_json import read_columns
from text2json.metrics.valid_columns import record_rule, valid_columns
from text2json.metrics.validate import is_valid

pytestmark = pytest.mark.skipif(library.library() is None, reason="the library is not built here")
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object"])
FIELD = st.one_of(
    st.just({}),
    st.builds(lambda kind: {"type": kind, "title": "T", "format": "date"}, TYPES),
    st.builds(lambda kinds: {"type": kinds}, st.lists(TYPES, min_size=1, max_size=3, unique=True)),
    st.builds(lambda kinds: {"anyOf": [{"type": kind} for kind in kinds]}, st.lists(TYPES, min_size=1, max_size=3)),
    st.builds(lambda kind: {"type": kind, "enum": ["x", "é", "a\nb"]}, TYPES),
    st.just({"enum": ["x", " x", ""]}),
)
NAMES = ["a", "b", "c"]
RECORD = st.fixed_dictionaries(
    {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from(NAMES), FIELD)},
    optional={"required": st.lists(st.sampled_from(NAMES), unique=True), "additionalProperties": st.booleans()},
)
VALUES = st.sampled_from(["x", " x", "é", "a\nb", "", "y", 0, 1, 1.0, 1.5, -0.0, 2**64, 1e22, 1e-7, True, False, None])
SAMPLES = st.lists(st.lists(st.dictionaries(st.sampled_from(NAMES), VALUES), max_size=3), min_size=1, max_size=4)


@settings(max_examples=300)
@given(RECORD, SAMPLES)
def test_columns_are_as_valid_as_their_values(record: dict[str, Any], samples: list[list[dict[str, Any]]]) -> None:
    schema = json.dumps({"type": "array", "items": record, "x-key": "a"})
    rule = record_rule(schema)
    assert rule is not None
    read = read_columns(["[]", *map(json.dumps, samples)])
    assert read is not None
    ends = [0]
    for sample in samples:
        ends.append(ends[-1] + len(sample))
    spans = [range(start, end) for start, end in pairwise(ends)]
    found = valid_columns(read.only([True] * len(read.counts), 1), rule, spans)
    for sample, valid in zip(samples, found, strict=True):
        huge = any(value in (2**64, 1e22, 1e-7) for one in sample for value in one.values() if value is not None)
        assert valid == is_valid(schema, sample) or (valid is None and huge)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "array", "minItems": 1},
        {"type": "array", "items": {"type": "array"}},
        {"type": "array", "items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"type": "object"}}},
        {"type": "array", "items": {"additionalProperties": {"type": "string"}}},
        {"type": "array", "items": {"properties": {"a": {"minLength": 2}}}},
        {"type": "array", "items": {"properties": {"a": {"enum": [1]}}}},
        {"type": "array", "items": {"properties": {"a": {"anyOf": [{"enum": ["x"]}, {"type": "null"}]}}}},
        {"type": "array", "items": {"properties": {"a": True}}},
        {"type": "array", "items": {"properties": {"a": {"type": "word"}}}},
        {"type": "array", "items": True},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array"},
        True,
    ],
)
def test_schemas_with_other_keywords_are_left_to_the_validator(schema: Any) -> None:
    assert record_rule(json.dumps(schema)) is None
