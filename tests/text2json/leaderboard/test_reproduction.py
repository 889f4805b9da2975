from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.text2json.leaderboard.boards import STATEMENT, rewrite
from text2json.cli import main
from text2json.generators import generate
from text2json.leaderboard import entries
from text2json.leaderboard.entries import entry_of, write_entry
from text2json.leaderboard.reproduction import Reproducer
from text2json.leaderboard.verification import Row, verify_folder

MODEL = "reader-tiny"


@pytest.fixture
def board(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A board with one entry of a small model, which counts as a bundled reader here."""
    for module in ("readers", "models", "sources"):
        monkeypatch.setattr(f"text2json.baselines.{module}.reader_names", lambda: [MODEL])
    monkeypatch.setattr("text2json.baselines.sources.reader_path", lambda _: tiny_model)
    words = ["run", "--task", "text2json:config=short,samples=2", "--model", MODEL, "--strategy", "quest:budget=64",
             "--max-new-tokens", "6", "--out", str(tmp_path / "run")]  # fmt: skip
    assert main(words) == 0
    run = tmp_path / "run"
    write_entry(entry_of(run, STATEMENT), run / "predictions.jsonl", tmp_path / "board")
    return tmp_path / "board"


def check(board: Path, reproducer: Reproducer) -> Row:
    (row,) = verify_folder(board, subset=True)
    return reproducer.check(row, board)


def test_a_row_that_comes_out_again_is_reproduced_in_answers_and_bytes(board: Path) -> None:
    row = check(board, Reproducer([MODEL]))
    assert (row.accuracy, row.memory, row.time) == ("reproduced", "reproduced", "self-reported")
    assert row.notes == ()
    part = check(board, Reproducer([MODEL], most=1))
    assert (part.accuracy, part.memory) == ("reproduced", "self-reported")
    assert part.notes == ("reproduced on 1 of 2 documents",)
    other = check(board, Reproducer(["another"]))
    assert other.accuracy == "re-scored"


def test_the_longest_documents_are_run_in_whole_batches_of_the_runs_own() -> None:
    samples = list(generate("curated", samples=5))
    longest = sorted(samples, key=lambda sample: -len(sample.problem))
    assert Reproducer([], most=1)._chosen(samples, 2) == longest[:2]
    assert Reproducer([], most=3)._chosen(samples, 2) == longest[:4]
    assert Reproducer([], most=None)._chosen(samples, 2) == samples


@pytest.mark.parametrize(("fact", "value"), [("full_bytes_per_token", 409600.0), ("parameters", 1), ("family", "x")])
def test_a_model_with_other_facts_is_not_reproduced(board: Path, fact: str, value: float | str) -> None:
    rewrite(next(board.rglob("entry.json")).parent, lambda entry: entry["model"].update({fact: value}))
    row = check(board, Reproducer([MODEL]))
    assert (row.accuracy, row.memory) == ("re-scored", "self-reported")
    assert row.notes[0].startswith(f"not reproduced: reader-tiny's {fact} is ")
    assert row.notes[0].endswith(f"here, the entry says {value}")


def test_what_does_not_come_out_again_is_noted(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = next(board.rglob("entry.json")).parent
    folder = rewrite(folder, lambda value: value["figures"].update(device_bytes_per_token=1.0))
    row = check(board, Reproducer([MODEL]))
    assert (row.accuracy, row.memory) == ("reproduced", "self-reported")
    assert row.notes[0].startswith("device_bytes_per_token is 1, here it is")
    lines = (folder / "predictions.jsonl").read_text().splitlines()
    lines[0] = json.dumps(json.loads(lines[0]) | {"output": "[]"})
    (folder / "predictions.jsonl").write_text("\n".join(lines) + "\n")
    facts, report = entries.rescore(folder / "predictions.jsonl", entries.read_entry(folder / "entry.json").dataset)
    scores = entries.scores_of(report).model_dump(mode="json")
    folder = rewrite(folder, lambda value: value.update(predictions=facts.model_dump(), scores=scores))
    words = ["leaderboard", "verify", str(board), "--subset", "--reproduce", MODEL]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "re-scored: accuracy; self-reported: memory, time; not reproduced: 1 of 2 answers differ" in said
    rewrite(folder, lambda value: value["model"].update(revision="sha256:0"))
    assert main(words) == 0
    assert "not reproduced: reader-tiny has other weights here" in capsys.readouterr().out
