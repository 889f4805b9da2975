from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from text2json.baselines.diagnosis.pictures import PICTURES, draw_all
from text2json.baselines.diagnosis.probe import SUMS
from text2json.baselines.diagnosis.summary import FIGURES, Total, layer_rows, predicts, step_rows
from text2json.baselines.diagnosis.tally import COURSE, EVIDENCE
from text2json.baselines.diagnosis.write_tables import write_tables
from text2json.schemas.diagnosis import LeafLine, SampleLine, Scored

LAYERS, HEADS = 3, 4


def line(
    number: int, strategy: str = "quest", *, steps: int = 5, recall: float = 0.5, right: bool = True
) -> SampleLine:
    """Return a made-up sample; its sums are random, its leaf as asked for."""
    rng = np.random.default_rng(number)
    names = (*SUMS, *EVIDENCE)
    sums = {name: rng.random((LAYERS, HEADS)).tolist() for name in names}
    sums |= {name: np.full((LAYERS, HEADS), float(steps)).tolist() for name in ("steps", "evidence_steps")}
    leaf = LeafLine(record=0, field="name", gold='"a"', full_verdict="right", verdict="right" if right else "wrong",
                    cause=None if right else "not_selected", located=None if right else True, steps=2,
                    recall_any=recall, recall_carried=recall, recall_mass=recall, divergence=1 - recall)  # fmt: skip
    course = {name: rng.random(steps).tolist() for name in (*COURSE, "divergence")}
    own = Scored(output="", finish_reason="stop", records=(int(right), 1, 1), fields=(int(right), 1, 1))
    return SampleLine(
        id=f"s{number}", strategy="quest", prompt_tokens=100, full=own.model_copy(update={"fields": (1, 1, 1)}),
        own=own, same_output=right, layers=[0, 1, 5], sums=sums, course={**course, "agrees": [1.0] * steps},
        leaves=[leaf], seconds=0.1,
    )  # fmt: skip


def some(count: int = 6) -> tuple[list[SampleLine], Total]:
    lines = [line(n, steps=3 + n, recall=n / count, right=n > 1) for n in range(count)]
    return lines, Total.of("quest", lines, [one.id for one in lines])


def test_figures_are_ratios_of_sums_over_samples() -> None:
    lines, total = some()
    for name, (above, below, root) in FIGURES.items():
        expected = sum(np.array(one.sums[above]) for one in lines) / sum(np.array(one.sums[below]) for one in lines)
        np.testing.assert_allclose(total.figure(name), expected ** (1 / root))
        every = [sum(np.array(one.sums[side]).sum() for one in lines) for side in (above, below)]
        assert total.overall(name) == pytest.approx((every[0] / every[1]) ** (1 / root))


def test_samples_that_were_not_asked_for_are_left_out() -> None:
    lines, _ = some()
    total = Total.of("quest", lines, ["s2", "s3"])
    assert list(total.samples) == ["s2", "s3"]
    assert total.to_dict()["samples"] == 2


def test_what_nothing_can_be_told_about_is_none() -> None:
    one = line(0)
    one.sums["key_norm"] = np.zeros((LAYERS, HEADS)).tolist()
    total = Total.of("quest", [one], ["s0"])
    assert total.overall("key_error") is None
    assert all(row["key_error"] is None for row in layer_rows(total))
    empty = Total.of("quest", [], [])
    assert empty.to_dict()["mass_recovered"] is None
    assert list(layer_rows(empty)) == list(step_rows(empty)) == []


def test_steps_count_only_the_samples_that_have_them() -> None:
    lines, total = some()
    rows = list(step_rows(total))
    assert [row["samples"] for row in rows] == [6, 6, 6, 5, 4, 3, 2, 1]
    last = lines[-1].course
    assert rows[-1]["divergence"] == pytest.approx(last["divergence"][-1])
    assert rows[-1]["mass_recovered"] == pytest.approx(last["mass_read"][-1] / last["mass_prompt"][-1])
    assert rows[0]["divergence"] == pytest.approx(np.mean([one.course["divergence"][0] for one in lines]))


def test_a_strategys_summary_counts_leaves_and_causes() -> None:
    found = some()[1].to_dict()
    assert (found["leaves"], found["wrong"], found["lost"], found["gained"], found["unnamed"]) == (6, 2, 2, 0, 0)
    assert found["causes"] == {"not_selected": 2, "badly_rebuilt": 0, "own_mistake": 0}
    assert found["field_f1"] == pytest.approx(4 / 6)
    assert (found["field_f1_full"], found["agreement"]) == (1, 1)
    assert found["recall_any"] == pytest.approx(np.mean([n / 6 for n in range(6)]))


def test_recall_predicts_what_it_decides() -> None:
    lines = [line(n, recall=n / 10, right=n >= 5) for n in range(10)]
    total = Total.of("quest", lines, [one.id for one in lines])
    found = predicts([total, total], "recall_carried")
    assert found["leaf"].value == pytest.approx(np.corrcoef(range(10), [n >= 5 for n in range(10)])[0, 1])
    assert found["sample"].value is not None
    assert found["sample"].value > 0.8
    assert (found["leaf"].pairs, found["leaf"].samples) == (20, 10)
    away = predicts([total], "divergence")["leaf"].value
    assert away is not None
    assert -away == pytest.approx(found["leaf"].value)


def test_only_leaves_that_full_attention_gets_right_tell_of_a_strategy() -> None:
    lines = [line(n, recall=n / 10, right=n >= 5) for n in range(10)]
    for one in lines[:3]:
        one.leaves[0].full_verdict = "wrong"
    assert predicts([Total.of("quest", lines, [one.id for one in lines])], "recall_mass")["leaf"].pairs == 7


def test_tables_hold_the_same_in_every_form(tmp_path: Path) -> None:
    total = some()[1]
    write_tables(tmp_path, total)
    layers = pq.read_table(tmp_path / "layers.parquet").to_pylist()
    assert [(row["layer"], row["head"]) for row in layers] == [(n, h) for n in (0, 1, 5) for h in range(HEADS)]
    with (tmp_path / "layers.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["mass_recovered"]) for row in rows] == [row["mass_recovered"] for row in layers]
    leaves = pq.read_table(tmp_path / "leaves.parquet").to_pylist()
    lines = [json.loads(text) for text in (tmp_path / "leaves.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines == leaves
    assert {row["cause"] for row in leaves} == {None, "not_selected"}
    assert len(pq.read_table(tmp_path / "steps.parquet")) == 8


@pytest.mark.slow
def test_pictures_are_drawn_as_png_and_svg_the_same_every_time(tmp_path: Path) -> None:
    totals = [some()[1], Total.of("yakv:budget=0.1", some()[0], ["s0", "s1"])]
    for folder in ("one", "two"):
        assert draw_all(totals, tmp_path / folder) == list(PICTURES)
    for name in PICTURES:
        with Image.open(tmp_path / "one" / f"{name}.png") as picture:
            assert picture.width > 500
            assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 20
        svg = (tmp_path / "one" / f"{name}.svg").read_bytes()
        assert svg == (tmp_path / "two" / f"{name}.svg").read_bytes()
        assert b"<svg" in svg


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    assert draw_all([Total("quest")], tmp_path) == []
