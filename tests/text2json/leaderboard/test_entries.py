from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.text2json.leaderboard.runs import write_run
from text2json import score
from text2json.cli import main
from text2json.errors import CheckFailed, DataError, SpecError, Text2JSONError
from text2json.generators import generate
from text2json.leaderboard.entries import Statement, entry_of, read_entry, write_entry
from text2json.schemas.entry import Submitter

STATEMENT = Statement(Submitter(name="someone"), date="2026-01-31", subset=True)


def test_an_entry_says_what_the_run_folder_and_the_scorer_say(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    entry = entry_of(run, STATEMENT)
    told = json.loads((run / "run.json").read_text())
    assert (entry.model.name, entry.model.revision) == ("org/reader", "0" * 40)
    assert (entry.model.family, entry.model.full_bytes_per_token) == ("llama", 3072)
    assert entry.strategy.options == {"budget": "0.125", "local": "16"}
    assert json.loads(entry.text())["figures"] == told["figures"]
    assert entry.hardware == told["hardware"]
    assert entry.versions == told["versions"]
    content = (run / "predictions.jsonl").read_bytes()
    assert (entry.predictions.sha256, entry.predictions.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert entry.predictions.lines == 6
    report = score(run, generate("curated", samples=6), data_name="curated-first-6@1.0.0")
    assert entry.scores.records.f1 == report.records.f1 < 1
    assert entry.scores.records.f1_interval == report.records.f1_interval
    assert entry.scores.signature == report.signature
    assert entry.scores.errors["missing_record"] == 3


def test_a_whole_run_is_found_by_its_hash(tmp_path: Path) -> None:
    entry = entry_of(write_run(tmp_path / "run", samples=200, data="elsewhere"), Statement(Submitter(name="someone")))
    assert (entry.dataset.version, entry.dataset.config, entry.dataset.label) == ("1.0.0", "curated", "curated")
    assert entry.dataset.samples == entry.dataset.of == 200


def test_writing_an_entry_again_changes_nothing(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    entry = entry_of(run, STATEMENT)
    folder = write_entry(entry, run / "predictions.jsonl", tmp_path / "board")
    assert read_entry(folder / "entry.json") == entry
    assert sorted(file.name for file in folder.iterdir()) == ["entry.json", "predictions.jsonl"]
    later = entry.model_copy(update={"date": "2026-12-31"})
    assert write_entry(later, run / "predictions.jsonl", tmp_path / "board") == folder
    assert read_entry(folder / "entry.json").date == "2026-01-31"


def test_runs_that_are_no_entries_are_refused(tmp_path: Path) -> None:
    def refused(kind: type[Text2JSONError], said: str, run: Path, statement: Statement = STATEMENT) -> None:
        with pytest.raises(kind, match=said):
            entry_of(run, statement)

    refused(CheckFailed, "not finished", write_run(tmp_path / "open", finished=False))
    refused(CheckFailed, "partial: the first 6 of 200", write_run(tmp_path / "part"), Statement(Submitter(name="x")))
    refused(SpecError, "belong to no frozen version", write_run(tmp_path / "other", data_sha256="0" * 64))
    refused(SpecError, "--model ORG/NAME@REVISION", write_run(tmp_path / "local", model="/models/mine"))
    short = write_run(tmp_path / "short")
    lines = (short / "predictions.jsonl").read_text().splitlines(keepends=True)
    (short / "predictions.jsonl").write_text("".join(lines[1:]))
    refused(CheckFailed, "1 of 6 documents have no prediction", short)
    (short / "predictions.jsonl").write_text("".join([*lines, lines[0]]))
    refused(DataError, "stands twice", short)
    (short / "predictions.jsonl").unlink()
    (short / "predictions.jsonl").symlink_to("/etc/hostname")
    refused(DataError, "a symbolic link", short)


def test_a_local_model_is_named_by_its_submitter(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", model=str(tmp_path / "models" / "mine"), model_revision=None)
    statement = Statement(Submitter(name="someone"), model="me/mine@abc", subset=True)
    entry = entry_of(run, statement)
    assert (entry.model.name, entry.model.revision) == ("me/mine", "abc")
    assert str(tmp_path) not in entry.text()


def test_submit_writes_every_run_below_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "runs" / "yakv")
    write_run(tmp_path / "runs" / "full", strategy="full")
    words = ["submit", tmp_path / "runs", "--to", tmp_path / "board", "--submitter", "someone", "--subset"]
    assert main([str(word) for word in words]) == 0
    said = capsys.readouterr().out.splitlines()
    found = sorted((tmp_path / "board").rglob("entry.json"))
    assert sorted(said) == [str(file.parent) for file in found]
    assert [file.parts[-4] for file in found] == ["full", "yakv"]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--model", "", "--model: String should have at least 1 character"),
        ("--model", "x" * 201, "--model: String should have at most 200 characters"),
        ("--model", f"org/x@{'1' * 201}", "--model: String should have at most 200 characters"),
        ("--date", "2026-13-45", "--date: Value error, month must be in 1..12"),
        ("--date", "today", "--date: String should match"),
        ("--date", "2999-01-01", "--date 2999-01-01 is after today"),
        ("--licence", "", "--licence: String should have at least 1 character"),
        ("--notes", "x" * 2001, "--notes: String should have at most 2000 characters"),
        ("--submitter", "", "--submitter: String should have at least 1 character"),
    ],
)
def test_an_option_that_no_entry_can_have_is_named(
    option: str, value: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["submit", str(write_run(tmp_path / "run")), "--to", str(tmp_path / "board"), "--submitter", "someone"]
    assert main([*words, "--subset", option, value]) == 2
    captured = capsys.readouterr().err
    assert captured.startswith(f"text2json submit: {said}")
    assert captured.count("\n") == 1
    assert not (tmp_path / "board").exists()
