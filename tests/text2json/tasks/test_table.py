from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from text2json.cli import main
from text2json.tasks import parse_task

TASKS = ("needles:samples=4,needles=4,length=1500", "single-needle:samples=4,length=900")


@pytest.fixture(scope="module")
def grid(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks under two strategies; the answers are then replaced by others, whose scores are known."""
    folder = tmp_path_factory.mktemp("runs") / "grid"
    words = ["run", "--tasks", *TASKS, "--model", str(tiny_model), "--strategies", "full", "oracle:budget=8,local=8",
             "--out", str(folder), "--max-new-tokens", "2"]  # fmt: skip
    assert main(words) == 0
    for file in sorted(folder.rglob("predictions.jsonl")):
        settings = json.loads((file.parent / "run.json").read_text())["settings"]
        task = parse_task(settings["task"])
        samples = list(task.load())
        right = 4 if settings["strategy"] == "full" else 1
        rows = [{"id": s.id, "output": task.ideal(s) if n < right else ""} for n, s in enumerate(samples)]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_one_table_of_strategies_and_tasks(grid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(grid)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].index("single-needle (1.0)") < lines[0].index("needles (4.0)")  # from few places to many
    assert lines[2].count("1.000 (1.000 to 1.000)") == 2
    assert "tiny, full" in lines[2]
    assert lines[3].count("0.250 (0.000 to 0.750)") == 2
    classes = [line.split() for line in lines[-4:-2]]
    assert [words[-3:] for words in classes] == [["1.000", "1.000", "-"], ["0.250", "0.250", "-"]]


def test_a_tidy_row_for_each_run(grid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(grid), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 4
    assert {row["task"] for row in rows} == {parse_task(spec).spec for spec in TASKS}
    assert all(float(row["device_bytes_per_token"]) > 0 for row in rows)
    assert main(["table", str(grid), "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["score"] for row in listed] == [float(row["score"]) for row in rows]
    assert {(row["places"], row["fewer than 3"]) for row in listed} == {(4.0, None), (1.0, 1.0), (1.0, 0.25)}


def test_plain_data_has_a_column_too(
    tiny_model: Path, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model", str(tiny_model), "--out", str(tmp_path / "run"), "--max-new-tokens", "2", "--limit", "2"]
    assert main(["run", "--data", str(documents), *words]) == 0
    capsys.readouterr()
    assert main(["table", str(tmp_path / "run"), "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["task"], row["metric"], row["samples"], row["score"]) == (str(documents), "record F1", 2, 0.0)


def test_unfinished_runs_are_left_out_and_told(grid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(grid, tmp_path / "grid")
    file = next((tmp_path / "grid").rglob("run.json"))
    run = json.loads(file.read_text())
    file.write_text(json.dumps({**run, "finished": None}))
    assert main(["table", str(tmp_path / "grid"), "--format", "json"]) == 0
    out, error = capsys.readouterr()
    assert len(json.loads(out)) == 3
    assert f"{file.parent}: left out" in error


def test_no_cell_holds_two_runs(grid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(grid, tmp_path / "again")
    assert main(["table", str(grid), str(tmp_path / "again")]) == 2
    assert "same model, strategy and task" in capsys.readouterr().err
    assert main(["table", str(grid), str(tmp_path / "again"), "--format", "csv"]) == 0


def test_bad_input_is_status_2(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(tmp_path)]) == 2
    assert "no runs here" in capsys.readouterr().err
    run = ["run", "--model", str(tiny_model), "--out", str(tmp_path / "run")]
    assert main([*run, "--tasks", "needles", "needles"]) == 2
    assert "one folder" in capsys.readouterr().err
    assert main([*run, "--tasks", "needles", "multi-key", "--data", "x.jsonl"]) == 2
    assert "one --data for several tasks" in capsys.readouterr().err
