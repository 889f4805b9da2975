from __future__ import annotations

from pathlib import Path

import pytest

from text2json.baselines.run_folder import RunFolder, cut_torn_line, read_lines
from text2json.errors import DataError
from text2json.schemas.prediction import Prediction
from text2json.schemas.run import Measurement, Run, RunSettings


def settings(**changes: object) -> RunSettings:
    values: dict[str, object] = {
        "model": "reader-llama", "model_revision": None, "strategy": "full", "data": "data", "data_sha256": "0" * 64,
        "samples": 2, "max_new_tokens": 64, "batch_size": 2, "dtype": "float32", "device": "cpu",
    }  # fmt: skip
    return RunSettings.model_validate(values | changes)


def run(**changes: object) -> Run:
    return Run(settings=settings(**changes), versions={}, hardware={}, started="2026-01-01T00:00:00+00:00")


def measurement(ids: list[str]) -> Measurement:
    return Measurement(
        ids=ids, prompt_tokens=10, output_tokens=4, device_bytes=100, host_bytes=50, device_bytes_per_token=10.0,
        host_bytes_per_token=5.0, moved_bytes_per_step=1.0, moved_bytes_per_step_with_reuse=0.5,
        seconds_to_first_token=0.1, step_seconds=[0.01, 0.02],
    )  # fmt: skip


def test_a_new_folder_starts_the_run_and_an_equal_run_goes_on(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begun = folder.open(run())
    folder.append([Prediction(id="a", output="[]")], measurement(["a"]))
    assert folder.open(run()) == begun
    assert folder.done() == {"a"}


def test_other_settings_are_refused_and_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(run())
    with pytest.raises(DataError, match="strategy is 'full', not 'yakv'"):
        folder.open(run(strategy="yakv"))


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep")
    with pytest.raises(DataError, match="not empty"):
        RunFolder(tmp_path).open(run())
    assert [file.name for file in tmp_path.iterdir()] == ["precious.txt"]


def test_a_file_is_no_run_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("keep")
    with pytest.raises(DataError, match="file: is no folder"):
        RunFolder(tmp_path / "file").open(run())


def test_a_torn_last_line_is_cut_and_its_sample_answered_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(run())
    folder.append([Prediction(id="a", output="[]")], measurement(["a"]))
    with folder.predictions.open("a") as stream:
        stream.write('{"id": "b", "outp')
    folder.open(run())
    assert folder.done() == {"a"}


def test_cutting_keeps_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"one\ntwo\n")
    cut_torn_line(file)
    assert file.read_bytes() == b"one\ntwo\n"


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "predictions.jsonl"
    file.write_text('{"id": "a", "output": ""}\nnonsense\n')
    with pytest.raises(DataError, match=r"predictions\.jsonl:2: "):
        read_lines(file, Prediction)


def test_line_separators_inside_an_output_do_not_break_lines(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(run())
    odd = "a\u2028b\x85c\nd"
    folder.append([Prediction(id="a", output=odd)], measurement(["a"]))
    assert read_lines(folder.predictions, Prediction)[0].output == odd


def test_a_broken_run_file_is_an_error_with_a_place(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"settings": 3}')
    with pytest.raises(DataError, match=r"run\.json: broken"):
        RunFolder(tmp_path).load()
    with pytest.raises(DataError, match="no run here"):
        RunFolder(tmp_path / "nowhere").load()
