from __future__ import annotations

from typing import Any

import pytest

from text2json.errors import DataError
from text2json.generators import generate
from text2json.schemas.sample import sample_from_row


def row() -> dict[str, Any]:
    return next(generate("short", samples=1)).to_dict()


def test_a_row_comes_back_as_its_sample() -> None:
    assert sample_from_row(row()).to_dict() == row()


@pytest.mark.parametrize("column", sorted(row()))
def test_a_missing_column_is_named(column: str) -> None:
    broken = row()
    del broken[column]
    with pytest.raises(DataError, match=f"x.jsonl:7: column '{column}'"):
        sample_from_row(broken, file="x.jsonl", line=7)


def test_an_unknown_column_and_a_wrong_type_are_named() -> None:
    with pytest.raises(DataError, match="column 'extra'"):
        sample_from_row({**row(), "extra": 1})
    with pytest.raises(DataError, match="column 'text_span"):
        sample_from_row({**row(), "text_span": "x"})


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *((column, "oops") for column in ("answer", "schema", "evidence", "knobs")),
        ("schema", "[]"), ("evidence", "{}"), ("knobs", "[]"), ("text_span", []), ("text_span", [5, 1]),
        ("text_span", [0, 1 << 40]),
    ],
)  # fmt: skip
def test_a_column_that_does_not_hold_what_it_should_is_named(column: str, value: Any) -> None:
    with pytest.raises(DataError, match=f"x.jsonl:7: column '{column}': it"):
        sample_from_row({**row(), column: value}, file="x.jsonl", line=7)


def test_answers_of_other_tasks_are_texts() -> None:
    assert sample_from_row({**row(), "answer": '"a\\tb"'}).records() == "a\tb"
    assert sample_from_row({**row(), "answer": '["\\ud800"]'}).records() == ["\ud800"]
