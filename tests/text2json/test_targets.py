"""Files that a command is told to write: whole, never in place of what it reads, and told of before any work."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.text2json.leaderboard.runs import write_run
from text2json.cli import main
from text2json.data import iter_samples
from text2json.exporting import export_jsonl
from text2json.showing import find_sample


def run(words: str) -> int:
    return main(words.split())


@pytest.fixture
def place(documents: Path, tmp_path: Path) -> Path:
    """A folder with documents, the same as a file, gold predictions of them, and a run that answered others."""
    shutil.copytree(documents, tmp_path / "documents")
    export_jsonl(iter_samples(documents), tmp_path / "data.jsonl", row=lambda sample: sample.to_dict())
    lines = [json.dumps({"id": sample.id, "output": sample.answer}) for sample in iter_samples(documents)]
    (tmp_path / "p.jsonl").write_text("\n".join(lines) + "\n")
    write_run(tmp_path / "run", samples=2)
    return tmp_path


def content(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    "words",
    [
        "show data.jsonl --html data.jsonl",
        "show documents --html documents/demo/test.parquet",
        "show documents:demo --html documents/manifest.json",
        "score p.jsonl --data data.jsonl --details data.jsonl",
        "score p.jsonl --data documents --details p.jsonl",
        "score p.jsonl --data documents --html p.jsonl",
        "score run --data documents --html run/run.json",
        "score run --task text2json --details run/predictions.jsonl",
    ],
)
def test_what_is_read_is_never_overwritten(
    words: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    before = content(place)
    assert run(words) == 2
    assert "is read, and would be overwritten (name another file)" in capsys.readouterr().err
    assert content(place) == before


def test_two_things_are_not_written_to_one_file(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    assert run("score p.jsonl --data documents --html x --details x") == 2
    assert "--html and --details name one file" in capsys.readouterr().err
    assert not (place / "x").exists()


def test_a_score_that_fails_leaves_what_stood_there(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    (place / "unknown.jsonl").write_text('{"id": "x", "output": "[]"}\n')
    for target in ("details.jsonl", "page.html"):
        (place / target).write_text("of yesterday")
    before = content(place)
    assert run("score unknown.jsonl --data documents --details details.jsonl --html page.html") == 2
    assert run("score unknown.jsonl --task text2json --data documents --details details.jsonl") == 2
    assert content(place) == before
    assert run("score p.jsonl --data documents --details details.jsonl --html page.html") == 0
    assert len((place / "details.jsonl").read_text().splitlines()) == 6
    assert (place / "page.html").read_text().startswith("<!doctype html>")
    assert run("score p.jsonl --task text2json --data documents --details details.jsonl") == 0


@pytest.mark.parametrize("words", ["show data.jsonl --html", "score p.jsonl --data documents --html",
                                   "score p.jsonl --data documents --details",
                                   "score p.jsonl --task text2json --data documents --details"])  # fmt: skip
def test_a_target_that_cannot_be_written_shows_before_the_work(
    words: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setattr("text2json.metrics.scoring.score", lambda *_, **__: pytest.fail("scored before"))
    monkeypatch.setattr("text2json.tasks.report.score_task", lambda *_, **__: pytest.fail("scored before"))
    for target, said in (("documents", "is a folder"), ("p.jsonl/page", "cannot be written")):
        assert run(f"{words} {target}") == 2
        assert f"{target}: {said}" in capsys.readouterr().err


def test_a_page_goes_into_a_new_folder(place: Path) -> None:
    assert run(f"show {place}/data.jsonl --html {place}/new/page.html") == 0
    assert (place / "new" / "page.html").is_file()


@pytest.mark.parametrize("name", ["", "a/b", "../mine/short", ".hidden", "..", "a b", "ü", "a:b"])
def test_a_configuration_is_called_what_one_folder_can_be(
    name: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(place / "data.jsonl"), "--out", str(place / "own" / "new"), f"--config={name}"]) == 2
    assert f"a configuration cannot be called {name!r}" in capsys.readouterr().err
    assert not (place / "own").exists()


def test_an_imported_configuration_is_shown(place: Path) -> None:
    assert run(f"import {place}/data.jsonl --out {place}/own --config My_own-1.0") == 0
    assert find_sample(f"{place / 'own'}:My_own-1.0", None).id


FOLDERS = [
    "run --data documents --model nowhere/near --out",
    "diagnose --data documents --model nowhere/near --strategy quest --out",
    "sweep rank --out",
    "leaderboard build board --out",
    "submit run --submitter me --to",
]


@pytest.mark.parametrize("words", FOLDERS)
def test_a_folder_that_cannot_be_written_shows_before_the_work(
    words: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "board" / "results").mkdir(parents=True)
    monkeypatch.chdir(place)
    for target in ("p.jsonl", "p.jsonl/x"):
        assert run(f"{words} {target}") == 2
        assert capsys.readouterr().err.endswith(": p.jsonl: is no folder (choose another folder)\n")
