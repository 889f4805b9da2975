from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from text2json.baselines import runner
from text2json.baselines.models import LoadedModel, load_model
from text2json.baselines.run_folder import RunFolder, read_lines
from text2json.baselines.runner import RunOptions, batches, read_answer, run_samples
from text2json.cli import main
from text2json.data import iter_samples
from text2json.errors import DataError
from text2json.schemas.prediction import Prediction
from text2json.schemas.run import Run
from text2json.schemas.sample import Sample

OPTIONS = RunOptions(max_new_tokens=6, batch_size=2)


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(str(tiny_model), dtype="float32")


@pytest.fixture(scope="module")
def samples(documents: Path) -> list[Sample]:
    return list(iter_samples(documents))


def go(loaded: LoadedModel, samples: Sequence[Sample], path: Path, strategy: str = "full") -> tuple[Run, list[int]]:
    steps: list[int] = []
    folder = RunFolder(path)
    run = run_samples(loaded, strategy, samples, folder, data="data", options=OPTIONS, advance=steps.append)
    return run, steps


def outputs(path: Path) -> dict[str, str]:
    return {line.id: line.output for line in read_lines(path / "predictions.jsonl", Prediction)}


def test_a_run_answers_every_sample_and_says_what_it_took(
    loaded: LoadedModel, samples: list[Sample], tmp_path: Path
) -> None:
    run, steps = go(loaded, samples, tmp_path / "run")
    assert steps == [0, 2, 2, 2]
    assert set(outputs(tmp_path / "run")) == {sample.id for sample in samples}
    assert run.finished is not None
    assert run.figures is not None
    assert run.figures.device_bytes_per_token == 2 * 2 * 16 * 4 * 2  # K and V, kv-heads, head size, bytes, layers
    assert run.figures.seconds_to_first_token.p50 > 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["strategy"] == "full"


def test_answers_equal_those_of_plain_generate(loaded: LoadedModel, samples: list[Sample], tmp_path: Path) -> None:
    go(loaded, samples, tmp_path / "run")
    found = outputs(tmp_path / "run")
    for sample in samples:
        inputs = loaded.encode([sample.problem])
        with torch.inference_mode():
            tokens = loaded.model.generate(**inputs, max_new_tokens=6, do_sample=False)  # type: ignore[operator]
        new = tokens[0, inputs["input_ids"].shape[1] :].tolist()
        assert read_answer(loaded, sample.id, new, 1).output == found[sample.id]


def test_an_interrupted_run_goes_on_and_ends_with_the_same_answers(
    loaded: LoadedModel, samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(loaded, samples, tmp_path / "whole")
    answer = runner.answer_batch
    calls = 0

    def break_down(*args: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return answer(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "answer_batch", break_down)
    with pytest.raises(KeyboardInterrupt):
        go(loaded, samples, tmp_path / "broken")
    assert len(outputs(tmp_path / "broken")) == 2
    monkeypatch.undo()
    _, steps = go(loaded, samples, tmp_path / "broken")
    assert steps == [2, 2, 2]
    assert outputs(tmp_path / "broken") == outputs(tmp_path / "whole")


def test_a_finished_run_is_left_as_it_is(loaded: LoadedModel, samples: list[Sample], tmp_path: Path) -> None:
    first, _ = go(loaded, samples, tmp_path / "run")
    again, steps = go(loaded, samples, tmp_path / "run")
    assert again == first
    assert steps == [len(samples)]


def test_other_samples_under_the_same_name_are_noticed(
    loaded: LoadedModel, samples: list[Sample], tmp_path: Path
) -> None:
    go(loaded, samples, tmp_path / "run")
    changed = [dataclasses.replace(samples[0], problem="Other."), *samples[1:]]
    with pytest.raises(DataError, match="data_sha256"):
        go(loaded, changed, tmp_path / "run")


def test_an_answer_ends_before_its_stop_token(loaded: LoadedModel) -> None:
    text = loaded.tokenizer("[]")["input_ids"]
    stopped = read_answer(loaded, "a", [*text, 3, 0, 0], 10)
    assert (stopped.output, stopped.finish_reason, stopped.output_tokens) == ("[]", "stop", len(text) + 1)
    cut = read_answer(loaded, "a", text, 10)
    assert (cut.output, cut.finish_reason, cut.output_tokens) == ("[]", "length", len(text))


def test_batches_hold_every_sample_once_the_longest_first(samples: list[Sample]) -> None:
    found = [sample for batch in batches(samples, 4) for sample in batch]
    assert sorted(sample.id for sample in found) == sorted(sample.id for sample in samples)
    lengths = [len(sample.problem) for sample in found]
    assert lengths == sorted(lengths, reverse=True)


def test_a_list_of_strategies_gives_a_run_folder_each_equal_to_separate_runs(
    tiny_model: Path, documents: Path, tmp_path: Path
) -> None:
    specs = ["full", "oracle:budget=0.1,local=8"]
    words = ["run", "--data", str(documents), "--max-new-tokens", "4"]
    grid = [*words, "--models", str(tiny_model), "--strategies", *specs, "--out", str(tmp_path / "grid")]
    assert main(grid) == 0
    folders = sorted(file.parent for file in (tmp_path / "grid").rglob("run.json"))
    assert [folder.name for folder in folders] == ["full", "oracle_budget=0.1,local=8"]
    for folder, spec in zip(folders, specs, strict=True):
        alone = tmp_path / folder.name
        assert main([*words, "--model", str(tiny_model), "--strategy", spec, "--out", str(alone)]) == 0
        assert outputs(folder) == outputs(alone)


def test_a_strategy_that_stands_twice_in_a_list_is_refused(
    tiny_model: Path, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--data", str(documents), "--model", str(tiny_model), "--out", str(tmp_path / "grid")]
    assert main([*words, "--strategies", "full", "full"]) == 2
    assert "name each model and strategy once" in capsys.readouterr().err
    assert not (tmp_path / "grid").exists()
