from __future__ import annotations

import json
from pathlib import Path

import pytest

from text2json.cli import main
from text2json.data import iter_samples
from text2json.errors import DataError
from text2json.exporting import export_jsonl
from text2json.schemas.sample import Sample
from text2json.writing import write_dataset


def test_the_papers_form_goes_out_and_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset("paper", tmp_path / "d", samples=4)
    file = tmp_path / "paper.jsonl"
    assert main(["export", str(tmp_path / "d"), "--out", str(file)]) == 0
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert all(set(row) == {"problem", "answer"} for row in rows)
    assert all(len(record) == 3 and "name" in record for row in rows for record in json.loads(row["answer"]))
    assert main(["import", str(file), "--out", str(tmp_path / "e"), "--config", "paper"]) == 0
    assert main(["verify", str(tmp_path / "e")]) == 0
    back, original = list(iter_samples(tmp_path / "e")), list(iter_samples(tmp_path / "d"))
    assert [(s.problem, s.answer) for s in back] == [(s.problem, s.answer) for s in original]
    assert main(["export", str(tmp_path / "d"), "--out", str(file)]) == 2
    assert "exists" in capsys.readouterr().err


def test_a_broken_source_leaves_no_file(tmp_path: Path) -> None:
    def broken() -> object:
        yield next(iter_samples(tmp_path / "d"))
        raise DataError("broken")

    write_dataset("short", tmp_path / "d", samples=1)
    samples: list[Sample] = broken()  # type: ignore[assignment]
    with pytest.raises(DataError, match="broken"):
        export_jsonl(samples, tmp_path / "x.jsonl")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["d"]
