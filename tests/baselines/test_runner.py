from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from tests.baselines.tiny import tiny
from text2json.baselines import batching, runner
from text2json.baselines.batching import batches
from text2json.baselines.models import LoadedModel, load_model
from text2json.baselines.prefill import Prefill, prefill
from text2json.baselines.run_folder import RunFolder, read_lines
from text2json.baselines.runner import RunOptions, read_answer, run_grid, run_samples
from text2json.cli import main
from text2json.data import iter_samples
from text2json.errors import DataError
from text2json.schemas.prediction import Prediction
from text2json.schemas.run import Measurement, Run
from text2json.schemas.sample import Sample

OPTIONS = RunOptions(max_new_tokens=6, batch_size=2)


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(str(tiny_model), dtype="float32")


@pytest.fixture(scope="module")
def lively(loaded: LoadedModel) -> LoadedModel:
    """A model whose answers depend strongly on what it reads."""
    return dataclasses.replace(loaded, model=tiny("llama", vocab_size=400))


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
    assert run.figures.peak_rss_bytes > 2**20
    assert run.hardware["cores"] >= 1
    assert run.settings.seed == 0
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
    answer = runner.answer
    calls = 0

    def break_down(*args: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return answer(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "answer", break_down)
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
    words = ["run", "--data", str(documents), "--max-new-tokens", "4", "--batch-size", "4"]
    grid = [*words, "--models", str(tiny_model), "--strategies", *specs, "--out", str(tmp_path / "grid")]
    assert main(grid) == 0
    folders = sorted(file.parent for file in (tmp_path / "grid").rglob("run.json"))
    assert [folder.name for folder in folders] == ["full", "oracle_budget=0.1,local=8"]
    for folder, spec in zip(folders, specs, strict=True):
        alone = tmp_path / folder.name
        assert main([*words, "--model", str(tiny_model), "--strategy", spec, "--out", str(alone)]) == 0
        assert outputs(folder) == outputs(alone)


SHARED = ["full", "full-offload", "oracle:budget=0.1,local=8", "yakv:budget=0.1,local=8", "snapkv:budget=0.1,window=8",
          "shadowkv:budget=0.1,local=8", "lrqk:budget=0.1,local=8,rank=8,init=randn", "quest:budget=32,dense_layers=0",
          "infinigen:budget=0.1,dense_layers=1,calibration=20"]  # fmt: skip


def test_strategies_that_share_a_prompt_answer_as_they_do_alone_byte_for_byte(
    lively: LoadedModel, samples: list[Sample], tmp_path: Path
) -> None:
    options, few = dataclasses.replace(OPTIONS, max_new_tokens=8), samples[:4]
    folders = {spec: RunFolder(tmp_path / "grid" / str(n)) for n, spec in enumerate(SHARED)}
    steps: list[int] = []
    runs = run_grid(lively, folders, few, data="data", options=options, advance=steps.append)
    assert steps == [0] + [2] * (2 * len(SHARED))
    for spec, folder in folders.items():
        alone = RunFolder(tmp_path / "alone" / folder.path.name)
        run = run_samples(lively, spec, few, alone, data="data", options=options, advance=lambda _: None)
        assert folder.predictions.read_bytes() == alone.predictions.read_bytes()
        assert runs[spec].settings == run.settings
        ours, theirs = ([each.model_dump(exclude=TIMED) for each in read_lines(one.measurements, Measurement)]
                        for one in (folder, alone))  # fmt: skip
        assert ours == theirs
    answers = [folder.predictions.read_bytes() for folder in folders.values()]
    assert len(set(answers)) > 5  # they differ, so that equal answers above mean something


TIMED = {"seconds_to_first_token", "step_seconds", "peak_rss_bytes", "peak_gpu_bytes"}


def test_a_grid_that_stopped_within_a_batch_reads_each_prompt_for_those_that_lack_it(
    lively: LoadedModel, samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = SHARED[:3]
    whole = {spec: RunFolder(tmp_path / "whole" / str(n)) for n, spec in enumerate(specs)}
    broken = {spec: RunFolder(tmp_path / "broken" / str(n)) for n, spec in enumerate(specs)}
    run_grid(lively, whole, samples, data="data", options=OPTIONS, advance=lambda _: None)
    calls = 0

    def stop(count: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 6:  # the first call tells what was found
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_grid(lively, broken, samples, data="data", options=OPTIONS, advance=stop)
    reads: list[int] = []

    def counted(loaded: LoadedModel, problems: Sequence[str], specs: Sequence[str], disk: Path | None) -> Prefill:
        reads.append(len(specs))
        return prefill(loaded, problems, specs, disk)

    monkeypatch.setattr(runner, "prefill", counted)
    run_grid(lively, broken, samples, data="data", options=OPTIONS, advance=lambda _: None)
    assert reads == [1, 3]
    for spec in specs:
        assert broken[spec].predictions.read_bytes() == whole[spec].predictions.read_bytes()


@pytest.mark.parametrize("spec", ["full", "oracle:budget=0.2,local=8", "yakv:budget=0.2,local=8"])
def test_batches_give_the_answers_of_single_samples(
    lively: LoadedModel, samples: list[Sample], tmp_path: Path, spec: str
) -> None:
    found = []
    for size in (1, 4):
        folder, options = RunFolder(tmp_path / str(size)), dataclasses.replace(OPTIONS, batch_size=size)
        run_samples(lively, spec, samples, folder, data="data", options=options, advance=lambda _: None)
        found.append(outputs(folder.path))
    assert found[0] == found[1]


def test_the_batch_size_may_follow_from_free_memory_and_stays_when_a_run_goes_on(
    loaded: LoadedModel, samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auto = dataclasses.replace(OPTIONS, batch_size=None)
    tokens = loaded.encode([max((sample.problem for sample in samples), key=len)])["input_ids"].shape[1]
    each = 3 * (tokens + OPTIONS.max_new_tokens) * 2 * 2 * 16 * 4 * 2
    for free, expected in ((None, 1), (each, 1), (6 * each, 3), (10**15, len(samples))):
        monkeypatch.setattr(batching, "free_bytes", lambda _, free=free: free)
        assert batching.fitting_size(loaded, samples, OPTIONS.max_new_tokens) == expected
    folder = RunFolder(tmp_path / "run")
    run = run_samples(loaded, "full", samples, folder, data="data", options=auto, advance=lambda _: None)
    monkeypatch.setattr(batching, "free_bytes", lambda _: 0)
    again = run_samples(loaded, "full", samples, folder, data="data", options=auto, advance=lambda _: None)
    assert again.settings.batch_size == run.settings.batch_size == len(samples)


def test_a_strategy_that_stands_twice_in_a_list_is_refused(
    tiny_model: Path, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "--data", str(documents), "--model", str(tiny_model), "--out", str(tmp_path / "grid")]
    assert main([*words, "--strategies", "full", "full"]) == 2
    assert "name each model and strategy once" in capsys.readouterr().err
    assert not (tmp_path / "grid").exists()
