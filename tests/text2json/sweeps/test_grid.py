from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from text2json.baselines.strategies import parse_spec
from text2json.errors import DataError, SpecError
from text2json.sweeps.declaration import Sweep
from text2json.sweeps.equal import as_it_is
from text2json.sweeps.grid import data_sets, file_name, planned
from text2json.sweeps.running import check


def sweep(**changes: Any) -> Sweep:
    values: dict[str, Any] = {"title": "t", "models": ["m"], "data": ["x.jsonl"], "strategies": ["yakv"]}
    return Sweep.model_validate(values | changes)


def test_every_combination_of_options_stands_once_after_the_baseline() -> None:
    rows = ["full", {"spec": "yakv:local=8", "label": "ours", "options": {"budget": [0.1, 0.2], "signs": [-1, 3]}},
            "yakv:budget=0.2,local=8,signs=3"]  # fmt: skip
    found = planned(sweep(strategies=rows), as_it_is)
    assert [plan.spec for plan in found] == [
        "full", "yakv:local=8,budget=0.1,signs=-1", "yakv:local=8,budget=0.1,signs=3",
        "yakv:local=8,budget=0.2,signs=-1", "yakv:local=8,budget=0.2,signs=3",
    ]  # fmt: skip
    assert found[-1].name == "ours, budget 0.2, signs 3"
    assert found[-1].options == {"budget": 0.2, "signs": 3}


def test_strategies_of_one_name_are_called_by_their_specs() -> None:
    rows = ["yakv:budget=0.1", "yakv:budget=0.2", "yakv:budget=0.2", "quest", {"spec": "arkvale", "label": "quest"}]
    found = planned(sweep(strategies=rows), as_it_is)
    assert [plan.name for plan in found] == ["full", "yakv:budget=0.1", "yakv:budget=0.2", "quest", "arkvale"]


def test_a_strategy_is_taken_apart_into_parts_that_parse() -> None:
    found = planned(sweep(decompose=True), as_it_is)
    assert [(plan.part, plan.spec) for plan in found] == [
        ("whole", "full"), ("whole", "yakv"), ("selection", "selection@yakv"), ("stores", "stores@yakv"),
        ("budget", "selection@stores@yakv"),
    ]  # fmt: skip
    assert [parse_spec(plan.spec).spec for plan in found[2:]] == [
        f"{part}{parse_spec('yakv').spec}" for part in ("selection@", "stores@", "selection@stores@")
    ]
    assert len({plan.name for plan in found}) == len(found)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"strategies": ["yakf"]}, "did you mean 'yakv'"),
        ({"strategies": [{"spec": "yakv", "options": {"bugdet": [1]}}]}, "did you mean 'budget'"),
        ({"strategies": [{"spec": "yakv:budget=3", "options": {"budget": [1]}}]}, "stands twice"),
        ({"models": ["m", "m"]}, "model 'm' stands twice"),
        ({"baseline": "ful"}, "did you mean 'full'"),
        ({"pictures": [{"kind": "points", "x": "device_byte_per_token"}]}, "did you mean 'device_bytes_per_token'"),
        ({"pictures": [{"kind": "lines", "x": "chunk"}]}, "a picture shows 'chunk'"),
        ({"pictures": [{"kind": "points", "x": "model"}]}, "a picture shows 'model'"),
        ({"pictures": [{"kind": "bars", "y": "scores"}]}, "did you mean 'score'"),
        ({"pictures": [{"kind": "decomposition"}]}, "add decompose: true"),
        ({"pictures": [{"kind": "decomposition", "y": "paper"}], "decompose": True}, "a picture shows 'paper'"),
        (
            {
                "pictures": [{"kind": "lines", "x": "keys"}],
                "strategies": [{"spec": "ablation", "options": {"keys": ["int", "fp8"]}}],
            },
            "a picture shows 'keys'",
        ),
    ],
)
def test_what_is_impossible_shows_before_anything_is_run(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        check(sweep(**changes))


def test_a_picture_may_show_what_is_swept() -> None:
    rows = [{"spec": "yakv", "options": {"budget": [0.1, 0.2]}}]
    pictures = [{"kind": "lines", "x": "budget", "y": "field_f1_difference"}, {"kind": "points", "x": "device"}]
    check(sweep(strategies=rows, equal={"device": [64]}, pictures=pictures))


def test_data_sets_are_named_apart_and_documents_are_made_once(tmp_path: Path) -> None:
    one = {"config": "demo", "label": "two records", "samples": 2, "knobs": {"records": [2, 2], "length": [800, 900]}}
    made, task, plain = data_sets(sweep(configurations=[one], tasks=["needles:samples=2"]), tmp_path)
    assert [each.label for each in (made, task, plain)] == ["two records", "needles", "x.jsonl"]
    made.make()
    before = [(sample.id, sample.problem) for sample in made.asked.samples]
    assert len(before) == 2
    assert all(sample.answer.count('"name"') == 2 for sample in made.asked.samples)
    made.make()
    assert [(sample.id, sample.problem) for sample in made.asked.samples] == before
    task.make()
    with pytest.raises(SpecError, match="two data sets are called 'needles'"):
        data_sets(sweep(tasks=["needles", "needles:samples=2"]), tmp_path)
    with pytest.raises(SpecError, match="did you mean 'records'"):
        data_sets(sweep(configurations=[one | {"knobs": {"record": [1, 1]}}]), tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"config": "short"},
        {"split": "train"},
        {"samples": 3},
        {"seed": 1},
        {"knobs": {"records": [3, 3]}},
        {"knobs": {}},
    ],
)
def test_documents_that_stand_are_answered_only_if_they_are_those_asked_for(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    one = {"config": "demo", "label": "a", "samples": 2, "knobs": {"records": [2, 2], "length": [800, 900]}}
    (made,) = data_sets(sweep(data=[], configurations=[one]), tmp_path)
    made.make()
    (again,) = data_sets(sweep(data=[], configurations=[one]), tmp_path)
    again.make()
    (other,) = data_sets(sweep(data=[], configurations=[one | changes]), tmp_path)
    with pytest.raises(DataError, match="holds other documents than the sweep asks for as 'a'"):
        other.make()


def test_folders_have_short_names_that_stay_apart() -> None:
    long = [file_name(f"yakv:{'x' * 300}{end}") for end in "ab"]
    assert file_name("org/name:a=1") == "org_name_a=1"
    assert max(map(len, long)) < 140
    assert long[0] != long[1]
