from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from text2json.baselines.diagnosis import diagnose as module
from text2json.baselines.diagnosis.diagnose import diagnose
from text2json.baselines.diagnosis.folder import DiagnosisFolder
from text2json.baselines.diagnosis.sample import Examined
from text2json.baselines.models import LoadedModel, load_model
from text2json.baselines.strategy import Strategy
from text2json.cli import main
from text2json.data import iter_samples
from text2json.errors import DataError
from text2json.schemas.diagnosis import SampleLine
from text2json.schemas.sample import Sample

SPECS = {"a": "oracle:budget=20,local=4", "b": "yakv:budget=20,local=4"}


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(str(tiny_model), dtype="float32")


@pytest.fixture(scope="module")
def samples(documents: Path) -> list[Sample]:
    return list(iter_samples(documents))[:3]


def go(loaded: LoadedModel, samples: Sequence[Sample], path: Path, limit: int = 6) -> list[int]:
    steps: list[int] = []
    diagnose(loaded, SPECS, samples, DiagnosisFolder(path), data="data", max_new_tokens=limit, advance=steps.append)
    return steps


def lines(path: Path, name: str) -> list[SampleLine]:
    return [line.model_copy(update={"seconds": 0.0}) for line in DiagnosisFolder(path).lines(name)]


def test_every_sample_has_a_line_under_every_strategy(
    loaded: LoadedModel, samples: list[Sample], tmp_path: Path
) -> None:
    assert go(loaded, samples, tmp_path / "out") == [0, 1, 1, 1, 1, 1, 1]
    for name in SPECS:
        found = lines(tmp_path / "out", name)
        assert [line.id for line in found] == [sample.id for sample in samples]
        for line in found:
            assert line.layers == [0, 1]
            assert len(line.course["divergence"]) == 5
            assert sum(map(len, line.sums["overlap"])) == 2 * loaded.model.config.num_attention_heads
            assert sum(map(sum, line.sums["steps"])) == 5 * 2 * loaded.model.config.num_attention_heads


def test_a_stopped_diagnosis_goes_on_and_ends_with_the_same_lines(
    loaded: LoadedModel, samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(loaded, samples, tmp_path / "whole")
    calls = 0

    class Breaking(Examined):
        def under(self, strategy: Strategy) -> SampleLine:
            nonlocal calls
            calls += 1
            if calls == 4:
                raise KeyboardInterrupt
            return super().under(strategy)

    monkeypatch.setattr(module, "Examined", Breaking)
    with pytest.raises(KeyboardInterrupt):
        go(loaded, samples, tmp_path / "broken")
    torn = tmp_path / "broken" / "b" / "samples.jsonl"
    torn.write_bytes(torn.read_bytes() + b'{"id": "half')
    monkeypatch.setattr(module, "Examined", Examined)
    assert go(loaded, samples, tmp_path / "broken") == [3, 1, 1, 1]
    for name in SPECS:
        assert lines(tmp_path / "broken", name) == lines(tmp_path / "whole", name)
    assert go(loaded, samples, tmp_path / "broken") == [6]


def test_a_folder_of_something_else_is_refused_and_kept(
    loaded: LoadedModel, samples: list[Sample], tmp_path: Path
) -> None:
    go(loaded, samples[:1], tmp_path / "out")
    before = (tmp_path / "out" / "a" / "samples.jsonl").read_bytes()
    with pytest.raises(DataError, match="another diagnosis: max_new_tokens is 6, not 7"):
        go(loaded, samples[:1], tmp_path / "out", limit=7)
    with pytest.raises(DataError, match="strategy oracle"):
        diagnose(loaded, {"a": "yakv"}, samples[:1], DiagnosisFolder(tmp_path / "out"), data="data", max_new_tokens=6)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    with pytest.raises(DataError, match="holds no diagnosis"):
        go(loaded, samples[:1], tmp_path / "other")
    with pytest.raises(DataError, match="nothing to diagnose"):
        go(loaded, [], tmp_path / "none")
    assert (tmp_path / "out" / "a" / "samples.jsonl").read_bytes() == before


def test_broken_files_are_named(loaded: LoadedModel, samples: list[Sample], tmp_path: Path) -> None:
    go(loaded, samples[:1], tmp_path / "out")
    file = tmp_path / "out" / "a" / "samples.jsonl"
    file.write_text('{"id": 3}\n')
    with pytest.raises(DataError, match=r"a/samples.jsonl:1: broken line"):
        go(loaded, samples[:1], tmp_path / "out")
    (tmp_path / "out" / "diagnosis.json").write_text("{}")
    with pytest.raises(DataError, match=r"diagnosis.json: broken: settings"):
        go(loaded, samples[:1], tmp_path / "out")


def test_the_command_writes_everything_and_says_where(
    tiny_model: Path, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["diagnose", "--data", str(documents), "--model", str(tiny_model), "--out", str(out), "--limit", "2",
             "--max-new-tokens", "5", "--strategies", *SPECS.values()]  # fmt: skip
    assert main(words) == 0
    told = capsys.readouterr().out
    assert all(spec in told for spec in SPECS.values())
    assert f"report: {out / 'report.html'}" in told
    assert "does evidence recall predict the score?" in told
    for folder in out.iterdir():
        if folder.is_dir() and folder.name != "pictures":
            names = {"samples.jsonl", "layers.parquet", "layers.csv", "steps.parquet", "steps.csv", "leaves.parquet",
                     "leaves.jsonl"}  # fmt: skip
            assert {file.name for file in folder.iterdir()} == names
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/svg+xml;base64,") == len(list((out / "pictures").glob("*.svg"))) == 4
    assert main([*words, "--format", "json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary == json.loads((out / "summary.json").read_text())
    assert [row["strategy"] for row in summary["strategies"]] == list(SPECS.values())
    assert set(summary["correlation"]) == {*SPECS.values(), "all"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"--strategies": "yakvv"}, "did you mean 'yakv'"),
        ({"--strategies": "yakv:budget=0"}, "selects nothing"),
        ({"--model": "no-model"}, "neither a bundled reader"),
        ({"--data": "nowhere"}, "nowhere"),
    ],
)
def test_bad_input_is_one_clear_line(
    changes: dict[str, str], told: str, documents: Path, tiny_model: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    words = {"--data": str(documents), "--model": str(tiny_model), "--out": str(tmp_path / "out"),
             "--strategies": "oracle"} | changes  # fmt: skip
    assert main(["diagnose", *(word for pair in words.items() for word in pair)]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
