from __future__ import annotations

import json
import time
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.errors import DataError
from text2json.metrics.gold import iter_gold, plain
from text2json.metrics.scoring import score
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


@pytest.mark.parametrize("gold", ['[{"name": "A"}]', None, 5])
def test_gold_that_is_text_is_refused(gold: Any) -> None:
    with pytest.raises(DataError, match=r"the gold of 's' is neither.*json\.loads"):
        one({"s": gold})


def test_a_key_that_the_schema_does_not_have_is_refused() -> None:
    for schema in (RECORD, {"type": "array", "items": RECORD}, City, list[City]):
        with pytest.raises(DataError, match=r"no field 'nam'.*did you mean 'name'"):
            one([[]], schema, key="nam")


def test_documents_are_found_by_place_and_by_any_id() -> None:
    for documents in (["A text."], {0: "A text."}, {"0": "A text."}):
        assert one([[]], documents=documents).problem == "A text."


NODE = {"properties": {"n": {"type": "integer"}, "c": {"$ref": "#"}}}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"n": {"$ref": "#/definitions/N"}}, "definitions": {"N": {"type": "integer"}}},
        {"properties": {"m": {"type": "integer"}, "n": {"$ref": "#/properties/m"}}},
        {"properties": {"n": {"$ref": "#/$defs/a~1b%20c"}}, "$defs": {"a/b c": {"type": "integer"}}},
        {"properties": {"n": {"$ref": "#/x-kinds/1"}}, "x-kinds": [{"type": "string"}, {"type": "integer"}]},
        NODE, {"$id": "https://example.org/node", **NODE},
    ],
    ids=range(6),
)  # fmt: skip
@pytest.mark.parametrize("single", [False, True])
def test_references_lead_where_they_did_before_the_schema_was_wrapped(schema: dict[str, Any], single: bool) -> None:
    schema = {"type": "object", **schema}
    record = {"n": 1000, "c": {"n": 1000, "c": {"n": 1}}}
    answer = (
        {"n": "1,000", "c": {"n": "1,000", "c": {"n": 1}}}
        if schema["properties"].get("c")
        else {**record, "n": "1,000"}
    )
    report = score(
        {"s": json.dumps(answer if single else [answer])}, {"s": record if single else [record]}, schema=schema
    )
    assert report.fields.f1 == 1
    right = score(
        {"s": json.dumps(record if single else [record])}, {"s": record if single else [record]}, schema=schema
    )
    assert right.schema_valid == 1
    assert report.schema_valid == 0


def test_a_reference_to_nothing_is_named() -> None:
    with pytest.raises(DataError, match="definitions/N' leads nowhere"):
        score({}, {"s": [{"n": 1}]}, schema={"properties": {"n": {"$ref": "#/definitions/N"}}})


def test_a_schema_with_several_references_to_itself_takes_no_time() -> None:
    parents = {name: {"anyOf": [{"$ref": "#/$defs/P"}, {"type": "null"}]} for name in ("father", "mother", "spouse")}
    name = {"type": "string", "x-compare": {"similarity": 0.8}}
    schema = {"$defs": {"P": {"type": "object", "properties": {"n": name, **parents}}}, "$ref": "#/$defs/P"}
    gold = {"n": "Ada", "mother": {"n": "Annabella", "father": {"n": "Ralph"}}}
    given = {"n": "Ada", "mother": {"n": "Anabella", "father": {"n": "R"}}}
    started = time.process_time()
    assert score({"s": [given]}, {"s": [gold]}, schema=schema).fields.right == 2
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("schema", "given", "gold"),
    [
        ({"type": "integer"}, "1,000", 1000),
        ({"type": "string"}, 7, "7"),
        ({"enum": ["Red", "Blue"]}, "red", "Red"),
        ({"type": "string", "format": "date"}, "20110107", "2011-01-07"),
        ({"type": "number", "x-compare": {"tolerance": 0.5}}, 1.25, 1),
    ],
)
def test_records_that_are_no_objects_follow_the_schema(schema: dict[str, Any], given: Any, gold: Any) -> None:
    assert score({"s": [given]}, {"s": [gold]}, schema=schema).records.f1 == 1
    assert score({"s": ["other"]}, {"s": [gold]}, schema=schema).records.f1 == 0
