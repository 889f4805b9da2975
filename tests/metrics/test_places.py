from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.metrics.flatten import written
from text2json.metrics.parse import parse
from text2json.metrics.places import Place, letters, locate, locate_complete, scan

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
RECORDS = st.lists(st.dictionaries(st.text(), VALUES, max_size=4), min_size=1, max_size=4)


def check(text: str, place: Place, value: Any) -> None:
    """Hold every place below against the value that it should write."""
    assert json.loads(text[place.start : place.end]) == value == place.value
    if isinstance(value, list):
        assert len(place.items) == len(value)
        for inner, item in zip(place.items, value, strict=True):
            check(text, inner, item)
    if isinstance(value, dict):
        assert list(place.fields) == list(value)
        for key, inner in place.fields.items():
            check(text, inner, value[key])


@given(VALUES, st.sampled_from([None, 1]), st.booleans(), st.text(alphabet="x \n"))
def test_every_value_stands_where_its_place_says(value: Any, indent: int | None, ascii_only: bool, before: str) -> None:
    text = before + json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    check(text, scan(text, len(before)), value)


@given(RECORDS, st.sampled_from(["{}", "```json\n{}\n```", "Here you are: {} Done.", '{{"records": {}}}']))
def test_records_are_found_wherever_the_parser_finds_them(records: list[Any], frame: str) -> None:
    output = frame.format(json.dumps(records))
    found = parse(output).records
    if not found:
        return
    answer = locate(output, found)
    assert answer is not None
    assert [json.loads(output[place.start : place.end]) for place in answer.records] == found
    assert output[answer.end - 1] == "]"
    for place, record in zip(answer.records, found, strict=True):
        leaves = {path: leaf.value for path, leaf in place.leaves() if leaf.value is not None}
        assert leaves == written(record)


def test_an_answer_that_is_one_object() -> None:
    output = 'Sure: {"name": "Velo", "size": {"cm": 3}}'
    answer = locate(output, parse(output, single=True).records, single=True)
    assert answer is not None
    assert {path: output[slice(*place.inside)] for path, place in answer.records[0].leaves()} == {
        "name": "Velo",
        "size.cm": "3",
    }


def test_what_was_mended_has_no_place() -> None:
    assert locate('[{"a": 1}', [{"a": 1}]) is None


@given(RECORDS, st.data())
def test_a_list_that_breaks_off_gives_its_complete_records(records: list[Any], data: st.DataObject) -> None:
    whole = json.dumps(records)
    cut = data.draw(st.integers(1, len(whole) - 1))
    answer = locate_complete(whole[:cut])
    assert not answer.closed
    assert answer.end == cut
    values = [place.value for place in answer.records]
    assert values == records[: len(values)]
    ends = [place.end for place in locate_complete(whole).records]
    assert len(values) == sum(end <= cut for end in ends)


def test_a_list_that_closes_is_complete() -> None:
    answer = locate_complete('x [{"a": 1}, 2] y')
    assert (answer.closed, answer.end, [place.value for place in answer.records]) == (True, 15, [{"a": 1}, 2])
    assert locate_complete("no list").records == ()


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_letters_do_not_depend_on_how_json_is_written(value: Any, indent: int | None, ascii_only: bool) -> None:
    plain = [letter for letter, _ in letters(json.dumps(value, ensure_ascii=False, separators=(",", ":")))]
    other = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    found = list(letters(other))
    assert [letter for letter, _ in found] == plain
    assert [place for _, place in found] == sorted(place for _, place in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [('"a\\"b"', ['"', "a", '\\"', "b", '"']), ('"\\u00e', ['"']), ('"\\', ['"']), (' [ "x y" ] ', list('["x y"]'))],
)
def test_letters_of_quotes_and_broken_escapes(text: str, expected: list[str]) -> None:
    assert [letter for letter, _ in letters(text)] == expected
