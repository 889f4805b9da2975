from __future__ import annotations

import json
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.errors import DataError
from text2json.metrics.gold import iter_gold, plain
from text2json.schemas.sample import Sample

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
RECORD = {"type": "object", "properties": {"name": {"type": "string"}}}


class City(pydantic.BaseModel):
    name: str
    people: int | None = None


def one(data: Any, *arguments: Any, **options: Any) -> Sample:
    (sample,) = iter_gold(data, *arguments, **options)
    return sample


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=3), max_size=3))
def test_gold_comes_back_as_it_was_given(records: list[dict[str, Any]]) -> None:
    assert json.loads(one([records]).answer) == records
    assert json.loads(one({"s": records}, key="name").answer) == records


def test_ids_are_those_of_a_mapping_or_places() -> None:
    assert [sample.id for sample in iter_gold([[], []])] == ["0", "1"]
    assert [sample.id for sample in iter_gold({"x": [], 7: []})] == ["x", "7"]


def test_samples_and_their_rows_pass() -> None:
    sample = one({"x": [{"name": "A"}]}, documents={"x": "A text."})
    assert (sample.problem, sample.text_span) == ("A text.", [0, 7])
    assert one([sample]) is sample
    assert one([sample.to_dict()]) == sample


def test_pydantic_models_are_records_and_schemas() -> None:
    sample = one([[City(name="Oslo", people=5), City(name="Rome")]], City, key="name")
    assert json.loads(sample.answer) == [{"name": "Oslo", "people": 5}, {"name": "Rome", "people": None}]
    schema = json.loads(sample.schema)
    assert (schema["type"], schema["x-key"]) == ("array", "name")
    assert schema["items"] == City.model_json_schema()
    assert plain({"a": [City(name="x")]}) == {"a": [{"name": "x", "people": None}]}
    assert json.loads(one([[City(name="x")]], list[City]).schema)["items"] == {"$ref": "#/$defs/City"}


def test_references_of_a_record_stay_where_they_point() -> None:
    class Country(pydantic.BaseModel):
        capital: City

    schema = json.loads(one([[Country(capital=City(name="Oslo"))]], Country).schema)
    assert "City" in schema["$defs"]
    assert "$defs" not in schema["items"]
    assert schema["items"]["properties"]["capital"] == {"$ref": "#/$defs/City"}


@pytest.mark.parametrize(
    ("gold", "schema", "expected"),
    [
        ([{"name": "A"}], RECORD, {"type": "array", "items": RECORD}),
        ([{"name": "A"}], json.dumps(RECORD), {"type": "array", "items": RECORD}),
        ([{"name": "A"}], {"type": "array", "items": RECORD}, {"type": "array", "items": RECORD}),
        ({"name": "A"}, RECORD, RECORD),
        ({"name": "A"}, None, {"type": "object"}),
        ([], None, {"type": "array"}),
    ],
)
def test_the_schema_is_that_of_the_whole_answer(gold: Any, schema: Any, expected: dict[str, Any]) -> None:
    assert json.loads(one([gold], schema).schema) == expected


@pytest.mark.parametrize(
    ("data", "schema", "said"),
    [
        ([[{"a": {1, 2, object()}}]], None, "the gold of '0' is no JSON"),
        ({"s": [float("nan")]}, None, "the gold of 's' is no JSON"),
        ([[]], "{", "the schema is no JSON"),
        ([[]], {"type": "text"}, "the schema is no JSON Schema: 'text' is not valid"),
        ([[]], object(), "no schema can be made of <object"),
    ],
)
def test_what_is_no_gold_or_no_schema_is_told(data: Any, schema: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        list(iter_gold(data, schema))
