from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from text2json.cli import main

GOLD = [{"name": "Ada", "city": "Oslo", "year": "1815"}, {"name": "Bob", "city": "Rome", "year": "1912"}]
ANSWER = json.dumps(GOLD)
BROKEN = ANSWER.replace('"Oslo"', "'Oslo'")
DEEP = json.dumps([*GOLD, {"name": {"a": {"b": {"c": {"d": 1}}}}}])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A file of three samples in the paper's form."""
    file = tmp_path / "data.jsonl"
    file.write_text("".join(json.dumps({"problem": f"Text {n}", "answer": ANSWER}) + "\n" for n in range(3)))
    return file


def compared(data: Path, capsys: pytest.CaptureFixture[str], ours: str, theirs: str, *words: str) -> dict[str, Any]:
    """The comparison of two runs that gave the same output to each of the samples that are asked about."""
    from text2json.data import iter_samples

    limit = int(words[words.index("--limit") + 1]) if "--limit" in words else None
    files = []
    for name, output in (("a", ours), ("b", theirs)):
        files.append(data.parent / f"{name}.jsonl")
        rows = [json.dumps({"id": sample.id, "output": output}) for sample in list(iter_samples(data))[:limit]]
        files[-1].write_text("\n".join(rows))
    assert main(["compare", *map(str, files), "--data", str(data), "--format", "json", *words]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def records(result: dict[str, Any]) -> tuple[float, float]:
    (found,) = ((item["a"], item["b"]) for item in result["differences"] if item["figure"] == "records")
    return found


def test_broken_json_counts_only_with_repair(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = compared(data, capsys, ANSWER, BROKEN)
    assert records(plain) == (1, 0)
    assert "repair:no" in plain["signature"]
    mended = compared(data, capsys, ANSWER, BROKEN, "--repair")
    assert records(mended) == (1, 1)
    assert "repair:json_repair" in mended["signature"]


@pytest.mark.parametrize(
    ("output", "words"), [(ANSWER + " " * 9, ["--max-bytes", str(len(ANSWER))]), (DEEP, ["--max-depth", "2"])]
)
def test_an_output_over_a_limit_is_empty_and_the_signature_has_the_limit(
    output: str, words: list[str], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert records(compared(data, capsys, ANSWER, output))[1] > 0.7
    result = compared(data, capsys, ANSWER, output, *words)
    assert records(result) == (1, 0)
    assert words[1] in result["signature"].split("limits:")[1].split("|")[0]


def test_only_the_first_samples_are_compared(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = compared(data, capsys, ANSWER, "[]", "--limit", "2")
    assert result["samples"] == result["worse"] == 2
    assert "data:data.jsonl[:2]" in result["signature"]


def test_time_and_pairs_are_limited_as_for_score(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = compared(data, capsys, ANSWER, ANSWER, "--max-cells", "1", "--max-seconds", "0")
    assert records(result) == (1, 1)
    assert "/1|" in result["signature"]
    with pytest.raises(SystemExit) as stop:
        main(["compare", "a", "b", "--data", "d", "--limit", "0"])
    assert stop.value.code == 2
    assert "0 is below 1" in capsys.readouterr().err
