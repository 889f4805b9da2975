"""docs/scoring.md is right: its first program runs, and its statuses, limits and options are those of the code."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

from text2json.metrics.compare import Rule
from text2json.metrics.limits import LIMITS
from text2json.metrics.parse import STATUSES

PAGE = (Path(__file__).parents[2] / "docs" / "scoring.md").read_text(encoding="utf-8")


def test_its_first_program_runs() -> None:
    (program,) = re.findall(r"```python\nimport text2json\n.*?```", PAGE, re.DOTALL)
    names: dict[str, object] = {"__name__": "page"}
    source = program.removeprefix("```python\n").removesuffix("```")
    exec(compile(source, "scoring.md", "exec"), names)
    report = names["report"]
    assert report.records.right == 1  # type: ignore[attr-defined]
    assert report.statuses == {"embedded": 1, "invalid": 1}  # type: ignore[attr-defined]


def test_its_statuses_limits_and_options_are_all_there_are() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| ", PAGE, re.MULTILINE)) >= set(STATUSES)
    options = re.findall(r"^\| `(\{.*?\})` \| (?:text|number|list)", PAGE, re.MULTILINE)
    assert {name for option in options for name in json.loads(option)} == {
        "case", "similarity", "tolerance", "relative", "list",
    }  # fmt: skip
    for option in options:
        Rule({"x-compare": json.loads(option)}, {}, "x")
    for field in dataclasses.fields(LIMITS):
        assert f"--max-{field.name}" in PAGE
