from __future__ import annotations

import json
from pathlib import Path

import pytest

from text2json.cli import main
from text2json.errors import DataError
from text2json.tasks import parse_task
from text2json.tasks.report import score_task


def predictions(spec: str, file: Path, *, leave_out: int = 0) -> Path:
    task = parse_task(spec)
    rows = [{"id": sample.id, "output": task.ideal(sample)} for sample in task.load()]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows[leave_out:]))
    return file


def test_the_report_groups_by_the_papers_classes(tmp_path: Path) -> None:
    task = parse_task("text2json:samples=60")
    samples = list(task.load())
    outputs = {sample.id: task.ideal(sample) for sample in samples[:30]}
    report = score_task(task, outputs, samples)
    assert set(report.by_intensity) <= {"fewer than 3", "3 to 10", "more than 10"}
    assert len(report.by_intensity) >= 2
    assert sum(figure.samples for figure in report.by_intensity.values()) == 60
    assert report.missing == 30
    low, high = report.interval
    assert 0 < low < report.score < high < 1
    # the whole is the mean of its groups, weighted by what stands in them
    weights = {
        name: sum(s.denominator for s, place in report.details if place.group == name) for name in report.by_intensity
    }
    mean = sum(report.by_intensity[name].score * weight for name, weight in weights.items()) / sum(weights.values())
    assert report.score == pytest.approx(mean)


def test_text2json_as_a_task_has_the_scorers_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "documents"
    assert main(["generate", "demo", "--out", str(data), "--samples", "8"]) == 0
    task = parse_task("text2json")
    samples = list(task.load(str(data)))
    outputs = {s.id: s.answer if n % 2 else s.answer.replace("a", "e") for n, s in enumerate(samples)}
    file = tmp_path / "p.jsonl"
    file.write_text("".join(json.dumps({"id": name, "output": text}) + "\n" for name, text in outputs.items()))
    figures = []
    for words in (["--task", "text2json"], []):
        capsys.readouterr()
        assert main(["score", str(file), "--data", str(data), "--format", "json", *words]) == 0
        figures.append(json.loads(capsys.readouterr().out))
    assert figures[0]["score"] == figures[1]["records"]["f1"]
    assert figures[0]["interval"] == figures[1]["records"]["f1_interval"]
    assert 100 * figures[0]["parts"]["paper"] == pytest.approx(figures[1]["paper"])
    assert 0 < figures[0]["score"] < 1


@pytest.mark.parametrize(
    "spec", ["needles:samples=4,needles=3,length=2000", "html-to-tsv:samples=4,rows=2,length=4000"]
)
def test_score_by_a_tasks_rule(spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = predictions(spec, tmp_path / "p.jsonl", leave_out=1)
    details = tmp_path / "details.jsonl"
    assert main(["score", str(file), "--task", spec, "--details", str(details)]) == 0
    text = capsys.readouterr().out
    assert "0.750" in text
    assert "1 without a prediction" in text
    assert "text2json-task|version:" in text
    rows = [json.loads(line) for line in details.read_text().splitlines()]
    assert [row["numerator"] for row in rows] == [0, 1, 1, 1]
    assert main(["score", str(file), "--task", spec, "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["score"], report["missing"], report["samples"]) == (0.75, 1, 4)
    assert report["signature"].startswith("text2json-task|version:")


def test_unknown_ids_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = parse_task("needles:samples=2,length=2000")
    with pytest.raises(DataError, match="unknown id 'needles-00002'"):
        score_task(task, {"needles-00002": ""}, task.load())
    with pytest.raises(DataError, match="nothing to score"):
        score_task(task, {}, [])


@pytest.mark.parametrize("option", [["--repair"], ["--html", "x.html"]])
def test_options_of_plain_data_are_refused(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "p.jsonl", "--task", "needles", *option]) == 2
    assert f"{option[0]} is not for tasks" in capsys.readouterr().err


def test_needless_judges_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = predictions("multi-key:samples=1", tmp_path / "p.jsonl")
    assert main(["score", str(file), "--task", "multi-key:samples=1", "--judge", "http://localhost"]) == 2
    assert "needs no judge" in capsys.readouterr().err


def test_run_and_score_a_task(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = "single-needle:samples=3,length=900"
    words = ["run", "--task", spec, "--model", str(tiny_model), "--out", str(tmp_path / "run"), "--limit", "2",
             "--max-new-tokens", "4"]  # fmt: skip
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "finished, 2 predictions" in out
    settings = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    assert (settings["task"], settings["data"]) == (parse_task(spec).spec, "")
    assert out.splitlines()[-1] == f"next: text2json score {tmp_path / 'run'}"
    assert main(["score", str(tmp_path / "run"), "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["task"], report["samples"], report["missing"]) == (parse_task(spec).spec, 2, 0)


def test_a_run_folder_knows_its_plain_data(
    tiny_model: Path, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--data", str(documents), "--model", str(tiny_model), "--out", str(tmp_path / "run"),
             "--limit", "2", "--max-new-tokens", "4"]  # fmt: skip
    assert main(words) == 0
    capsys.readouterr()
    assert main(["score", str(tmp_path / "run"), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 2


def test_run_without_data_or_task_is_refused(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--model", str(tiny_model), "--out", str(tmp_path / "run")]) == 2
    assert "give --data, or --task" in capsys.readouterr().err
    assert main(["score", str(tmp_path / "p.jsonl")]) == 2
