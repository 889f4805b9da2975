from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from text2json.cli import main
from text2json.data import iter_samples
from text2json.errors import SpecError
from text2json.tasks import TASKS, parse_task

OWN = [name for name in TASKS if parse_task(name).made_here]


@pytest.mark.parametrize("name", TASKS)
def test_every_task_says_what_it_is(name: str) -> None:
    task = parse_task(name)
    assert task.name == name
    assert parse_task(task.spec) == task
    assert task.max_new_tokens >= 16
    for text in (task.summary, task.metric, task.source, task.licence, task.rule, type(task).__doc__):
        assert text
    assert "arXiv" in task.source


@pytest.mark.parametrize("name", OWN)
def test_the_ideal_output_is_perfect_and_none_is_nothing(name: str) -> None:
    task = parse_task(name)
    for sample in itertools.islice(task.load(), 6):
        score = task.score(sample, task.ideal(sample))
        assert score.id == sample.id
        assert score.numerator == score.denominator > 0
        assert task.score(sample, None).numerator == task.score(sample, "I do not know.").numerator == 0


@pytest.mark.parametrize("name", OWN)
def test_written_samples_are_read_as_they_were(name: str, tmp_path: Path) -> None:
    file = tmp_path / "samples.jsonl"
    assert main(["tasks", f"{name}:samples=4", "--out", str(file)]) == 0
    made = list(parse_task(f"{name}:samples=4").load())
    assert list(iter_samples(file)) == made == list(parse_task(name).load(str(file)))


def test_unknown_tasks_get_the_nearest_name() -> None:
    with pytest.raises(SpecError, match="did you mean 'needles'"):
        parse_task("neddles")


def test_tasks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks"]) == 0
    text = capsys.readouterr().out
    assert all(name in text and parse_task(name).summary in text for name in TASKS)
    assert main(["tasks", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [task["name"] for task in listed] == list(TASKS)
    assert {"spec", "summary", "metric", "max_new_tokens", "source", "licence"} <= set(listed[0])


def test_intensity_of_a_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "needles:needles=5,length=6000,samples=3", "--intensity"]) == 0
    head, _, row = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["task", "characters", "places", "gap"]
    name, characters, places, gap, *counts = row.split()
    assert (name, places, counts) == ("needles", "5.0", ["0", "3", "0"])
    assert 5500 <= int(characters) <= 6000
    assert 1000 <= int(gap) <= 1500


def test_bad_usage_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "--out", str(tmp_path / "x")]) == 2
    assert "name a task" in capsys.readouterr().err
    (tmp_path / "x").write_text("")
    assert main(["tasks", "needles", "--out", str(tmp_path / "x")]) == 2
    assert "exists" in capsys.readouterr().err
