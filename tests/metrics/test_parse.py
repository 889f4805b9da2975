from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text2json.metrics.parse import STATUSES, Parsed, parse

RECORDS = st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none() | st.booleans()))


@pytest.mark.parametrize(
    ("output", "status", "records"),
    [
        ('[{"a":1}]', "ok", [{"a": 1}]),
        ("\ufeff [] \n", "ok", []),
        ('Here it is:\n```json\n[{"a":1}]\n```\nDone.', "fenced", [{"a": 1}]),
        ("```\n[]\n```", "fenced", []),
        ('The records are [{"a":1}] as asked.', "embedded", [{"a": 1}]),
        ('As [1] says: [{"a":1}]', "embedded", [{"a": 1}]),
        ('{"records":[{"a":1}]}', "embedded", [{"a": 1}]),
        ('<think>Maybe [{"a":2}]?</think>[{"a":1}]', "ok", [{"a": 1}]),
        ('[{"a":"```"}]', "ok", [{"a": "```"}]),
        ('[{"a":1},{"a":"b', "truncated", []),
        ('[{"a":1},', "truncated", []),
        ("[", "truncated", []),
        ("nothing found", "invalid", []),
        ("", "invalid", []),
        ('[{"a":NaN}]', "invalid", []),
        ('[{"a":1e999}]', "ok", [{"a": float("inf")}]),
        ("[" * 100_000, "invalid", []),
        ('{"a":1}', "wrong_type", []),
        ("42", "wrong_type", []),
        (None, "missing", []),
    ],
)
def test_an_output_gives_its_records_and_a_status(output: str | None, status: str, records: list[Any]) -> None:
    parsed = parse(output)
    assert (parsed.status, parsed.records) == (status, records)


def test_braces_in_texts_beside_what_is_no_record_break_nothing() -> None:
    parsed = parse('[null,5,{"a":"}{{"}]')
    assert (parsed.status, parsed.records) == ("ok", [None, 5, {"a": "}{{"}])
    assert parse('[{"a":1,"a":2},{"b":":"}]').duplicate_keys == 1


def test_complete_records_of_a_truncated_output_are_kept_apart() -> None:
    parsed = parse('[{"a":1},{"a":2},{"a":"thr')
    assert parsed.records == []
    assert parsed.salvaged == [{"a": 1}, {"a": 2}]


@given(RECORDS)
def test_what_was_written_as_json_is_read_as_it_was(records: list[Any]) -> None:
    parsed = parse(json.dumps(records))
    assert (parsed.status, parsed.records) == ("ok", records)


@given(st.text(alphabet=st.sampled_from('[]{}",:01a \n`'), max_size=40) | st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    parsed = parse(text)
    assert parsed.status in STATUSES
    assert isinstance(parsed.records, list)


@pytest.mark.parametrize("rest", ["tru", "f", "nul", "-", "1.", "1e-", '"x\\', '"x\\u00', '"x', "[1, ", "{", '{"b": 1'])
def test_an_answer_that_ends_within_a_value_is_truncated(rest: str) -> None:
    parsed = parse(f'[{{"a":1}},{{"a":{rest}')
    assert (parsed.status, parsed.salvaged) == ("truncated", [{"a": 1}])
    assert parse(f'{{"a":{rest}', single=True).status == "truncated"
    assert not parse(f'{{"a":{rest}', single=True).salvaged


@pytest.mark.parametrize("text", ['[{"a":1},]', '[{"a":1} {"a":2}]', '[{"a":1},] done', '[{"a":1}, x', '[{"a":tru}]'])
def test_an_answer_that_ends_and_is_broken_is_invalid(text: str) -> None:
    assert parse(text) == Parsed([], "invalid")


@pytest.mark.parametrize("text", ['{"a":1,}', '{"a":tru}', '{"a" 1}'])
def test_an_object_that_ends_and_is_broken_is_invalid(text: str) -> None:
    assert parse(text, single=True) == Parsed([], "invalid")


def test_fences_may_end_their_lines_as_windows_does() -> None:
    text = 'See:\n```python\nx = {"x": 1}\n```\nso\n```json\n[{"a":1}]\n```\n'
    for ending in ("\n", "\r\n"):
        parsed = parse(text.replace("\n", ending))
        assert (parsed.status, parsed.records) == ("fenced", [{"a": 1}])
