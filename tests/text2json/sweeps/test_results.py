"""A whole small sweep, whose answers are then replaced by others, so that every figure is known beforehand."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.text2json.sweeps.test_pictures import row
from text2json.baselines.run_folder import RunFolder, read_lines
from text2json.cli import main
from text2json.commands.sweep import render
from text2json.data import iter_samples
from text2json.schemas.prediction import Prediction
from text2json.sweeps.cells import Cell, read_cell
from text2json.sweeps.declaration import Sweep
from text2json.sweeps.equal import as_it_is
from text2json.sweeps.grid import data_sets, file_name, planned
from text2json.sweeps.results import MEASURES, NUMBERS, decomposition, rows, write_table
from text2json.sweeps.running import Machine, conclude, run_sweep

SPEC = "yakv:budget=0.2,local=8"
RIGHT = {"full": 6, SPEC: 2, f"selection@{SPEC}": 4, f"stores@{SPEC}": 4, f"selection@stores@{SPEC}": 5}
"""Of the six documents, how many are answered rightly; the others get answers that are no JSON."""


@pytest.fixture(scope="module")
def declared(tiny_model: Path) -> Sweep:
    return Sweep.model_validate({
        "title": "Does it work?", "models": [str(tiny_model)], "strategies": [SPEC], "decompose": True,
        "max_new_tokens": 3, "batch_size": 3,
        "configurations": [{"config": "demo", "samples": 6, "knobs": {"records": [1, 2], "length": [400, 800]}}],
        "pictures": [{"kind": "points", "title": "bytes"}, {"kind": "lines", "x": "records", "title": "records"},
                     {"kind": "bars", "title": "bars"}, {"kind": "decomposition", "title": "causes"}],
    })  # fmt: skip


@pytest.fixture(scope="module")
def out(declared: Sweep, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweeps") / "sweep"
    run_sweep(declared, folder, Machine(dtype="float32"))
    samples = list(iter_samples(folder / "data" / "demo"))
    for spec, right in RIGHT.items():
        lines = [{"id": s.id, "output": s.answer if n < right else "["} for n, s in enumerate(samples)]
        file = run_of(declared, folder, spec) / "predictions.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def run_of(declared: Sweep, folder: Path, spec: str) -> Path:
    return folder / "runs" / "demo" / file_name(declared.models[0]) / file_name(spec)


@pytest.fixture(scope="module")
def cells(declared: Sweep, out: Path) -> list[Cell]:
    return [read_cell(run_of(declared, out, plan.spec), "demo", plan) for plan in planned(declared, as_it_is)]


def test_each_cell_has_a_row_with_its_score_its_difference_and_its_bytes(cells: list[Cell], out: Path) -> None:
    table = {row["part"] if not row["baseline"] else "full": row for row in rows(cells, "full")}
    assert set(table) == {"full", "whole", "selection", "stores", "budget"}
    assert {*NUMBERS, *(f"{name}_{end}" for name in MEASURES for end in ("low", "high"))} <= table["full"].keys()
    samples = list(iter_samples(out / "data" / "demo"))
    gold = [len(json.loads(sample.answer)) for sample in samples]
    for part, spec in (("full", "full"), ("whole", SPEC), ("budget", f"selection@stores@{SPEC}")):
        right = sum(gold[: RIGHT[spec]])
        f1 = 2 * right / (right + sum(gold))
        assert table[part]["score"] == pytest.approx(f1)
        assert table[part]["score_difference"] == pytest.approx(f1 - 1)
        assert table[part]["paper"] == table[part]["valid"] == pytest.approx(RIGHT[spec] / 6)
        assert table[part]["score_low"] <= f1 <= table[part]["score_high"]
    assert table["full"]["score_difference_low"] == table["full"]["score_difference_high"] == 0
    assert table["full"]["device_share"] == 1
    assert table["whole"]["device_share"] < 0.7
    assert table["whole"]["moved_share"] > 0
    assert table["full"]["records"] == pytest.approx(sum(gold) / 6)


def test_the_causes_add_up_to_the_whole_loss(cells: list[Cell]) -> None:
    costs = {(row["figure"], row["cause"]): row["cost"] for row in decomposition(cells, "full")}
    score = {cell.run.settings.strategy.partition(":")[0]: cell.report.score for cell in cells}
    for figure in ("score", "field_f1"):
        parts = [costs[figure, cause] for cause in ("budget", "selection", "stores", "together")]
        assert sum(parts) == pytest.approx(costs[figure, "both"])
    assert costs["score", "both"] == pytest.approx(1 - score["yakv"])
    assert costs["score", "selection alone"] == pytest.approx(1 - score["selection@yakv"])
    assert costs["score", "stores alone"] == pytest.approx(1 - score["stores@yakv"])
    assert costs["score", "budget"] == pytest.approx(1 - score["selection@stores@yakv"])


def test_tables_and_report_say_the_same(declared: Sweep, cells: list[Cell], tmp_path: Path) -> None:
    table, apart = conclude(declared, cells, tmp_path, pictures=True)
    read: list[dict[str, Any]] = pq.read_table(tmp_path / "results.parquet").to_pylist()
    assert read == [{name: row.get(name) for name in read[0]} for row in table]
    with (tmp_path / "results.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [float(line["score"]) for line in lines] == [row["score"] for row in table]
    assert len(pq.read_table(tmp_path / "decomposition.parquet")) == len(apart) == 14
    drawn = sorted(file.name for file in (tmp_path / "pictures").iterdir())
    assert drawn == [f"{n}-{name}.{kind}" for n, name in enumerate(("bytes", "records", "bars", "causes"), start=1)
                     for kind in ("png", "svg")]  # fmt: skip
    assert all((tmp_path / "pictures" / name).read_bytes()[:4] in (b"\x89PNG", b"<?xm") for name in drawn)
    page = (tmp_path / "index.html").read_text()
    assert page.count("data:image/svg+xml;base64,") == 4
    assert all(f"{row['score']:.3f}" in page for row in table)
    assert "https://" not in page


def test_without_pictures_the_report_stands_too(declared: Sweep, cells: list[Cell], tmp_path: Path) -> None:
    conclude(declared, cells, tmp_path, pictures=False)
    assert not (tmp_path / "pictures").exists()
    assert "<img" not in (tmp_path / "index.html").read_text()


def test_a_finished_sweep_runs_nothing_again(
    declared: Sweep, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from text2json.baselines import runner

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a cell ran twice")

    monkeypatch.setattr(runner, "prefill", never)
    again = run_sweep(declared, out, Machine(dtype="float32"))
    assert "5 strategies, 0 of them to run" in capsys.readouterr().err
    assert {cell.plan.spec: round(cell.shares["paper"][0].sum()) for cell in again} == RIGHT


def test_one_more_strategy_runs_alone(declared: Sweep, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = declared.model_copy(update={"decompose": False, "pictures": [], "baseline": "full-offload"})
    found = run_sweep(more, out, Machine(dtype="float32"))
    assert "2 strategies, 1 of them to run" in capsys.readouterr().err
    assert len(read_lines(RunFolder(found[0].folder).predictions, Prediction)) == 6


def test_options_of_words_and_numbers_share_a_column(tmp_path: Path) -> None:
    write_table([{"a": 1, "b": "x"}, {"a": "none", "c": 2.5}], tmp_path / "t")
    assert pq.read_table(tmp_path / "t.parquet").to_pylist() == [
        {"a": "1", "b": "x", "c": None}, {"a": "none", "b": None, "c": 2.5}
    ]  # fmt: skip


def test_the_command_lists_plans_runs_and_refuses(
    tiny_model: Path, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep"]) == 0
    assert "landmarks " in capsys.readouterr().out
    words = ["--models", str(tiny_model), "--data", str(documents), "--limit", "2", "--max-new-tokens", "2"]
    assert main(["sweep", "decomposition", *words, "--strategies", "oracle:local=8", "--dry-run", "--out", "x"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "5 cells"
    out = tmp_path / "out"
    few = ["--strategies", "oracle:local=8", "--no-pictures", "--out", str(out), "--dtype", "float32"]
    assert main(["sweep", "decomposition", *words, *few]) == 0
    shown = capsys.readouterr().out
    assert "lost by" in shown
    assert "oracle, stores alone" in shown
    assert len(list(out.rglob("run.json"))) == 5
    tasks = ["--tasks", "needles:samples=2,length=900,needles=2", "single-needle:samples=2,length=900"]
    several = ["sweep", "tasks", "--models", str(tiny_model), *tasks, "--max-new-tokens", "2", "--no-pictures"]
    assert main([*several, "--out", str(tmp_path / "tasks"), "--strategies", "oracle:local=8"]) == 0
    head = capsys.readouterr().out.splitlines()[0].split()
    assert head == ["strategy", "needles", "single-needle"]
    assert main(["sweep", "landmark", "--out", "x"]) == 2
    assert "did you mean 'landmarks'" in capsys.readouterr().err
    assert main(["sweep", "landmarks"]) == 2
    assert "give --out" in capsys.readouterr().err


def test_a_strategy_has_one_line_although_its_parameters_differ_from_data_to_data() -> None:
    ends = {f"score_difference{end}": 0.0 for end in ("", "_low", "_high")}
    table = [row(name, score, model="m", data=data, spec=f"{name}:budget={score}", **ends)
             for data, better in (("short", 0.25), ("long", 0.75))
             for name, score in (("yakv", better), ("quest", 0.0))]  # fmt: skip
    lines = [line.split() for line in render(table, []).splitlines()]
    assert lines[0] == ["strategy", "short", "long"]
    found = [(name, short, long) for name, short, _, _, _, long, *_ in (line for line in lines if len(line) > 5)]
    assert [(name, float(short), float(long)) for name, short, long in found] == [
        ("yakv", 0.25, 0.75), ("quest", 0.0, 0.0)
    ]  # fmt: skip


def test_data_sets_below_the_sweep_are_made_before_any_model_is_loaded(declared: Sweep, tmp_path: Path) -> None:
    (one,) = data_sets(declared, tmp_path)
    assert one.label == "demo"
    assert not (tmp_path / "data").exists()
