from __future__ import annotations

import builtins
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from text2json.errors import DataError
from text2json.metrics import validate
from text2json.metrics.validate import is_valid

PROPERTIES: dict[str, Any] = {
    "a": {"type": "string", "maxLength": 2}, "b": {"type": "integer", "minimum": 0}, "c": {"type": ["number", "null"]},
    "d": {"enum": ["x", 1]}, "e": {"type": "array", "items": {"$ref": "#/$defs/e"}, "uniqueItems": True},
}  # fmt: skip
SCHEMA = {
    "type": "array",
    "items": {"type": "object", "properties": PROPERTIES, "required": ["a"], "additionalProperties": False},
    "$defs": {"e": {"type": "string"}},
}
VALUE: st.SearchStrategy[Any] = st.sampled_from(
    ["", "x", "xyz", 0, 1, 1.0, -1, 1.5, 2**70, True, None, [], ["x"], ["x", "x"], [1], {}, "\ud800"]
)
ANSWER = st.lists(st.dictionaries(st.sampled_from("abcdef"), VALUE, max_size=3) | VALUE, max_size=2) | VALUE


@pytest.fixture(params=["with jsonschema-rs", "without"])
def libraries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both ways of validating."""
    ordinary = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name == "jsonschema_rs":
            raise ImportError(name)
        return ordinary(name, *args, **options)

    validate._validators.cache_clear()
    if request.param == "without":
        monkeypatch.setattr(builtins, "__import__", without)
    yield
    validate._validators.cache_clear()


@given(ANSWER)
def test_the_verdict_is_that_of_jsonschema(answer: Any) -> None:
    assert is_valid(json.dumps(SCHEMA), answer) == Draft202012Validator(SCHEMA).is_valid(answer)


@pytest.mark.parametrize(
    ("schema", "answer", "valid"),
    [
        ({"type": "string"}, "x", True),
        ({"type": "string"}, "\ud800", True),
        ({"type": "integer"}, 2**70, True),
        ({"type": "string", "pattern": r"^\d$"}, "٣", True),  # any decimal digit, as Python's expressions have it
        ({"multipleOf": 0.1}, 0.3, False),  # 0.3 / 0.1 is not whole in 64 bits
        ({"properties": {"multipleOf": {"type": "string"}}}, {"multipleOf": 1}, False),
    ],
)
@pytest.mark.usefixtures("libraries")
def test_where_libraries_differ_jsonschema_decides(schema: dict[str, Any], answer: Any, valid: bool) -> None:
    assert is_valid(json.dumps(schema), answer) == Draft202012Validator(schema).is_valid(answer) == valid


@pytest.mark.usefixtures("libraries")
def test_an_answer_too_deep_to_be_walked_is_not_valid() -> None:
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]
    assert not is_valid('{"items": {"$ref": "#"}, "pattern": "x", "type": "array", "maxItems": 1}', deep)


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize("answer", [float("inf"), 10**400])
def test_what_is_too_large_to_be_divided_obeys_no_multiple(answer: Any) -> None:
    assert not is_valid('{"multipleOf": 0.01}', answer)
    assert is_valid('{"multipleOf": 0.5}', 3)


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize(
    "schema", [{"type": "list"}, {"$ref": "#/definitions/N"}, {"pattern": "["}, {"minimum": "a"}], ids=str
)
def test_what_is_no_schema_is_said_in_a_line(schema: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"the schema .* cannot be applied: .*draft 2020-12"):
        is_valid(json.dumps(schema), 5 if "minimum" in schema else "x")
