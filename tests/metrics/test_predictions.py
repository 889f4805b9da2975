from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from text2json.errors import DataError
from text2json.metrics.predictions import read_predictions


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(outputs=st.dictionaries(st.text(), st.text(), max_size=4), ascii_only=st.booleans())
def test_what_was_written_is_read(outputs: dict[str, str], ascii_only: bool, tmp_path: Path) -> None:
    file = tmp_path / "predictions.jsonl"
    lines = [json.dumps({"id": name, "output": text, "more": 1}, ensure_ascii=ascii_only) for name, text in
             outputs.items()]  # fmt: skip
    file.write_text("\n\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    assert list(read_predictions(file).items()) == list(outputs.items())
    assert read_predictions(tmp_path) == outputs  # a run folder


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "b", "output": "x"', "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"id": "b"}', "no prediction"),
        ('{"id": 5, "output": "x"}', "no prediction"),
        ('{"id": "b", "output": null}', "no prediction"),
        ('["b", "x"]', "no prediction"),
        ('{"id": "a", "output": "x"}', "id 'a' stands twice"),
    ],
)
def test_a_broken_line_is_told_with_its_place(line: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text('{"id": "a", "output": ""}\n\n' + line + "\n")
    with pytest.raises(DataError) as error:
        read_predictions(file)
    assert str(error.value).startswith(f"{file}:3: {said}")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such prediction file"):
        read_predictions(tmp_path)
