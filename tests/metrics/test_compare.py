from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.errors import DataError
from text2json.metrics.compare import NO_OBJECT, Rule, Shape
from text2json.metrics.flatten import leaves, written
from text2json.metrics.forms import normal_text
from text2json.metrics.record_schema import record_schema
from text2json.schemas.canonical import canonical_json


def rule(schema: dict[str, Any]) -> Rule:
    return Rule(schema, {}, "f")


TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
DATE = {"type": "string", "format": "date"}
TIME = {"type": "string", "format": "time"}
MOMENT = {"type": "string", "format": "date-time"}
ENUM = {"enum": ["Best Picture", "USD"]}


@pytest.mark.parametrize(
    ("one", "other", "schema", "equal"),
    [
        ("caf\u00e9", "cafe\u0301", TEXT, True),
        ("\ufb01lm", "film", TEXT, True),
        ("O\u2019Neill", "O'Neill", TEXT, True),
        ("\u201cQ\u201d", '"Q"', TEXT, True),
        (" two\u00a0 words ", "two words", TEXT, True),
        ("a\u200bb", "ab", TEXT, True),
        ("\u202eabc\u202c", "abc", TEXT, True),
        ("Blue", "blue", TEXT, False),
        ("Blue", "blue", {**TEXT, "x-compare": {"case": False}}, True),
        ("007", 7, TEXT, False),
        (7, "7", TEXT, True),
        ("007", 7, WHOLE, False),
        (1, 1.0, NUMBER, True),
        ("1,000", 1000, NUMBER, True),
        ("1,00", 100, NUMBER, False),
        ("1.000,00", 1000, NUMBER, False),
        ("1.50", 1.5, NUMBER, True),
        ("1e3", 1000, NUMBER, True),
        ("\u2212500", -500, NUMBER, True),
        ("(500)", -500, NUMBER, False),
        ("500", -500, NUMBER, False),
        ("$5", 5, NUMBER, False),
        ("5%", 5, NUMBER, False),
        ("5 kg", 5, NUMBER, False),
        ("1,000", "1000", TEXT, False),
        (True, 1, NUMBER, False),
        ("true", True, {"type": "boolean"}, False),
        (True, True, {"type": "boolean"}, True),
        (2**53, 2**53 + 1, WHOLE, False),
        (2**64, 2**64 + 1, WHOLE, False),
        (1e400, 1e400, NUMBER, True),
        (1e400, -1e400, NUMBER, False),
        (0, False, {}, False),
        (0, "", {}, False),
        (-0.0, 0, NUMBER, True),
        ("", "x", TEXT, False),
        ("best  picture", "Best Picture", ENUM, True),
        ("usd", "USD", ENUM, True),
        ("a", "A", {"enum": ["a", "A"]}, False),
        ("20110107", "2011-01-07", DATE, True),
        ("01/07/2011", "2011-01-07", DATE, False),
        ("7 January 2011", "2011-01-07", DATE, False),
        ("12:30", "12:30:00", TIME, True),
        ("12:30:00.50", "12:30:00.5", TIME, True),
        ("12:30Z", "12:30:00+00:00", TIME, True),
        ("12:30", "12:31", TIME, False),
        ("2011-01-07T12:30:00Z", "2011-01-07 13:30+01:00", MOMENT, True),
        ("2011-01-07T12:30:00Z", "2011-01-07T12:30:00", MOMENT, False),
        ("2011-01-07T23:30:00-01:00", "2011-01-08T00:30:00Z", MOMENT, True),
        ([1, 2], [1.0, 2], {}, True),
        ([1, 2], [2, 1], {}, False),
        (["a", "b"], ["b", "a"], {"type": "array", "uniqueItems": True}, True),
        (["a", "b"], ["b", "a", "a"], {"x-compare": {"list": "set"}}, True),
        (["a", "b"], ["b", "a", "a"], {"x-compare": {"list": "multiset"}}, False),
        (["a", "b", "a"], ["b", "a", "a"], {"x-compare": {"list": "multiset"}}, True),
        (["1,000"], [1000], {"items": NUMBER}, True),
        ([{"a": "1,000", "b": None}], [{"a": 1000}], {"items": {"properties": {"a": NUMBER}}}, True),
        ("Jon Smith", "John Smith", {**TEXT, "x-compare": {"similarity": 0.9}}, True),
        ("Jon Smith", "Ann Brown", {**TEXT, "x-compare": {"similarity": 0.9}}, False),
        (100, 100.4, {**NUMBER, "x-compare": {"tolerance": 0.5}}, True),
        (100, 101, {**NUMBER, "x-compare": {"tolerance": 0.5}}, False),
        (1000, 1009, {**NUMBER, "x-compare": {"relative": 0.01}}, True),
        (1000, "one thousand", {**NUMBER, "x-compare": {"relative": 0.01}}, False),
    ],
)  # fmt: skip
def test_leaves_are_equal_by_the_written_rules(one: Any, other: Any, schema: dict[str, Any], equal: bool) -> None:
    its = rule(schema)
    assert its.equal(its.form(one), its.form(other)) is equal


def test_null_is_absent_and_an_empty_text_or_list_is_a_value() -> None:
    shape = Shape({}, {})
    assert leaves({"a": None}, shape) == leaves({}, shape) == {}
    assert leaves({"a": "", "b": []}, shape) == {"a": "", "b": ("list", "[]")}


def test_nested_objects_are_flattened_and_values_are_kept_as_written() -> None:
    record = {"name": " x ", "address": {"city": "Y", "zip": None}}
    assert leaves(record, Shape({}, {})) == {"name": "x", "address.city": "Y"}
    assert written(record) == {"name": " x ", "address.city": "Y"}


def test_what_is_no_object_is_one_leaf_that_matches_nothing_by_name() -> None:
    assert set(leaves("text", Shape({}, {}))) == {NO_OBJECT}


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normal_text(normal_text(text)) == normal_text(text)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_and_its_python_text_are_equal_in_a_number_field(number: float) -> None:
    its = rule(NUMBER)
    assert its.form(number) == its.form(repr(number))


def test_references_and_nullable_types_are_followed() -> None:
    schema = record_schema(canonical_json({
        "type": "array",
        "items": {"$ref": "#/$defs/Film"},
        "$defs": {
            "Film": {"properties": {"year": {"anyOf": [{"$ref": "#/$defs/Year"}, {"type": "null"}]},
                                    "cost": {"type": ["number", "null"]}, "next": {"$ref": "#/$defs/Film"}}},
            "Year": {"type": "integer"},
        },
    }))  # fmt: skip
    forms = leaves({"year": "1,999", "cost": "2.50", "next": {"next": {"year": "7"}}}, schema.shape)
    assert forms == {"year": 1999, "cost": 2.5, "next.next.year": 7}


def test_a_schema_that_refers_to_itself_in_a_list_is_read_to_any_depth() -> None:
    below = {"type": "array", "items": {"$ref": "#/$defs/Node"}}
    node = {"type": "object", "properties": {"n": {"type": "integer"}, "below": below}}
    schema = record_schema(canonical_json({"$ref": "#/$defs/Node", "$defs": {"Node": node}}))
    assert schema.single
    forms = leaves({"below": [{"n": "1", "below": [{"n": "2"}]}]}, schema.shape)
    other = leaves({"below": [{"n": 1, "below": [{"n": 2.0}]}]}, schema.shape)
    assert forms == other


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("fuzzy", "is no object"),
        ({"similarty": 0.9}, "did you mean 'similarity'"),
        ({"similarity": 90}, "similarity cannot be 90"),
        ({"tolerance": -1}, "tolerance cannot be -1"),
        ({"case": "no"}, "case cannot be 'no'"),
        ({"list": "bag"}, "list cannot be 'bag'"),
    ],
)
def test_an_unknown_way_to_compare_is_an_error(options: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        rule({"x-compare": options})
