from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.text2json.leaderboard.runs import write_run
from text2json.cli import main
from text2json.errors import DataError
from text2json.generators import generate
from text2json.schemas.sample import Sample
from text2json.tasks.answered import answered


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four documents of seed 0 with a run that answered them, and the same ids in seed 1."""
    for seed in "01":
        words = ["generate", "curated", "--samples", "4", "--seed", seed, "--out", str(tmp_path / f"seed{seed}")]
        assert main(words) == 0
    write_run(tmp_path / "run", samples=4)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", ["score run", "score run/predictions.jsonl", "score run --task text2json",
                                   "compare run run", "compare run/predictions.jsonl run"])  # fmt: skip
def test_a_run_is_scored_against_what_it_answered_only(
    words: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words.split(), "--data", "seed0"]) == 0
    capsys.readouterr()
    assert main([*words.split(), "--data", "seed1"]) == 2
    assert "the run answered other samples (score it against the data it was made on)" in capsys.readouterr().err
    assert main([*words.split(), "--data", "seed1", "--limit", "4"]) == 2


def test_a_table_is_made_of_what_the_runs_answered(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = json.loads((place / "run" / "run.json").read_text())
    settings["settings"]["data"] = "seed0"
    (place / "run" / "run.json").write_text(json.dumps(settings))
    assert main(["table", "run"]) == 0
    shutil.rmtree(place / "seed0")
    (place / "seed1").rename(place / "seed0")
    assert main(["table", "run"]) == 2
    assert "run: the run answered other samples" in capsys.readouterr().err


def samples(count: int, seed: int = 0) -> list[Sample]:
    return list(generate("curated", samples=count, seed=seed))


def test_the_samples_pass_and_those_beyond_the_run_are_not_its_own(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", samples=3)
    assert list(answered(samples(5), run, [])) == samples(5)
    assert list(answered(samples(5), run, [], limit=2)) == samples(2)
    with pytest.raises(DataError, match="other samples"):
        list(answered(samples(2), run, []))
    (run / "run.json").unlink()
    assert list(answered(samples(2), run, [])) == samples(2)


def test_an_unknown_id_is_told_with_its_line(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", samples=3)
    with (run / "predictions.jsonl").open("a") as lines:
        lines.write('\n{"id": "x", "output": ""}\n')
    with pytest.raises(DataError, match=r"run/predictions\.jsonl:5: prediction for an unknown id 'x'"):
        list(answered(samples(3), run, ["x"]))


def test_a_run_is_scored_without_torch(place: Path) -> None:
    code = (
        "import sys; from text2json.cli import main; "
        "assert main(['score', 'run', '--data', 'seed0']) == 0 and 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
