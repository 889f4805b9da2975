from __future__ import annotations

from pathlib import Path

import pytest

from text2json.baselines.models import LoadedModel, load_model
from text2json.baselines.solver import geometry_of
from text2json.baselines.strategies import parse_spec
from text2json.data import iter_samples
from text2json.errors import DataError
from text2json.schemas.sample import Sample
from text2json.sweeps.declaration import Equal, Sweep, parse_sweep
from text2json.sweeps.equal import as_it_is, budgets, fitted
from text2json.sweeps.grid import planned
from text2json.sweeps.running import plan_lines


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(str(tiny_model), dtype="float32")


@pytest.fixture(scope="module")
def samples(documents: Path) -> list[Sample]:
    return list(iter_samples(documents))


def test_budgets_are_combined() -> None:
    assert budgets(Equal(device=[10, 20], traffic=[5])) == [{"device": 10, "traffic": 5}, {"device": 20, "traffic": 5}]
    assert budgets(Equal(traffic=[5])) == [{"traffic": 5}]


def test_each_strategy_costs_at_most_its_budget_and_nearly_that(loaded: LoadedModel, samples: list[Sample]) -> None:
    resolve = fitted(Equal(traffic=[4, 8]), loaded, samples)
    lengths = sorted(loaded.encode([sample.problem])["input_ids"].shape[1] for sample in samples)
    geometry = geometry_of(loaded.model, lengths[(len(lengths) - 1) // 2])
    for spec in ("oracle:local=8", "yakv:local=8", "shadowkv:local=8,chunk=4"):
        for (solved, budget), wanted in zip(resolve(spec), (4.0, 8.0), strict=True):
            moved = parse_spec(solved).mean_footprint(geometry).moved
            assert budget == {"traffic": wanted}
            assert 0.8 * wanted < moved <= wanted


def test_what_does_not_fit_is_told_and_left_out(
    loaded: LoadedModel, samples: list[Sample], capsys: pytest.CaptureFixture[str]
) -> None:
    found = fitted(Equal(device=[0.5, 40]), loaded, samples)("yakv:local=8")
    assert [budget for _, budget in found] == [{"device": 40}]
    assert "left out: yakv does not fit 0.5 device bytes" in capsys.readouterr().err


def test_the_baseline_is_left_as_it_is_and_budgets_are_columns(loaded: LoadedModel, samples: list[Sample]) -> None:
    equal = {"traffic": [4, 8]}
    sweep = Sweep.model_validate({"title": "t", "models": ["m"], "data": ["d"], "strategies": ["yakv:local=8"],
                                  "equal": equal})  # fmt: skip
    plans = planned(sweep, fitted(sweep.equal, loaded, samples))
    assert [(plan.spec.partition(":")[0], plan.options) for plan in plans] == [
        ("full", {}), ("yakv", {"traffic": 4}), ("yakv", {"traffic": 8})
    ]  # fmt: skip
    assert len(planned(sweep, as_it_is)) == 2


def test_a_plan_names_the_budgets_without_a_model(tmp_path: Path) -> None:
    sweep = Sweep.model_validate({"title": "t", "models": ["m"], "data": ["d"], "strategies": ["yakv"],
                                  "equal": {"device": [10, 20], "traffic": [5]}})  # fmt: skip
    assert plan_lines(sweep, tmp_path) == [
        "m  d  full", "m  d  yakv  at 10 device bytes and 5 traffic bytes",
        "m  d  yakv  at 20 device bytes and 5 traffic bytes",
    ]  # fmt: skip


def test_a_budget_without_bytes_is_refused() -> None:
    text = "title: t\nmodels: [m]\ndata: [d]\nstrategies: [full]\nequal: {}\n"
    with pytest.raises(DataError, match=r"equal: .*names no budget"):
        parse_sweep(text, Path("s.yaml"))
