"""Faults that were planted, and whether the diagnosis finds them; with the bundled reader on one short document."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.baselines.diagnosis.planted import Planted, reader, short_sample
from text2json.baselines.diagnosis.causes import Output
from text2json.baselines.diagnosis.sample import Examined
from text2json.baselines.run_folder import RunFolder, read_lines
from text2json.baselines.runner import RunOptions, run_samples
from text2json.baselines.strategies import parse_spec
from text2json.metrics.scoring import score_sample
from text2json.schemas.diagnosis import LeafLine, SampleLine
from text2json.schemas.prediction import Prediction
from text2json.schemas.sample import Sample

LIMIT = 96


@pytest.fixture(scope="module")
def examined(tmp_path_factory: pytest.TempPathFactory) -> Examined:
    """Return a document that full attention answers without a fault."""
    folder = tmp_path_factory.mktemp("short") / "documents"

    def right(sample: Sample) -> bool:
        found = Examined(reader(), sample, [parse_spec("full")], LIMIT)
        return found.full.text == sample.answer  # no record too many either

    return Examined(reader(), short_sample(folder, right), [Planted()], LIMIT)


def masked(examined: Examined, field: str) -> frozenset[int]:
    """Return every token that states the field, wherever it stands."""
    return frozenset(token for piece in examined.prompt.watched.pieces if piece.field == field
                     for span in piece.spans for token in span)  # fmt: skip


def leaf(line: SampleLine, field: str) -> LeafLine:
    return next(one for one in line.leaves if one.field == field)


def value_field(examined: Examined) -> str:
    return next(leaf.field for leaf in examined.full_leaves if leaf.field != "name")


def test_a_strategy_that_loses_nothing_answers_alike_and_every_figure_says_so(examined: Examined) -> None:
    for strategy in (parse_spec("full"), parse_spec("full-offload"), parse_spec("oracle:budget=100000")):
        line = examined.under(strategy)
        assert line.same_output
        assert line.own == line.full
        assert line.own.fields == (len(line.leaves),) * 3
        for one in line.leaves:
            assert (one.verdict, one.cause, one.wrong_token) == ("right", None, None)
            assert one.steps > 0
            assert one.recall_any == one.recall_carried == pytest.approx(1)
            assert one.recall_mass == pytest.approx(1)
        assert max(line.course["divergence"]) < 1e-2  # the model computes in bfloat16


def test_evidence_that_is_never_read_has_no_recall_and_is_the_cause(examined: Examined) -> None:
    field = value_field(examined)
    line = examined.under(Planted(masked=masked(examined, field)))
    lost = leaf(line, field)
    assert (lost.recall_any, lost.recall_carried, lost.recall_mass) == (0, 0, 0)
    assert (lost.full_verdict, lost.cause, lost.located) == ("right", "not_selected", True)
    assert (lost.recall_any_at_fault, lost.recall_carried_at_fault) == (0, 0)
    assert lost.divergence is not None
    assert lost.divergence > 0.5
    assert lost.wrong_token is not None
    assert lost.wrote != lost.full_writes
    other = leaf(line, "name")
    assert (other.recall_any, other.verdict) == (1, "right")


def test_stores_that_were_spoilt_are_the_cause(examined: Examined) -> None:
    line = examined.under(Planted(noise=1.5))
    assert {one.cause for one in line.leaves if one.verdict != "right"} == {"badly_rebuilt"}
    assert line.own.fields[0] < len(line.leaves)
    assert all(one.recall_any == 1 for one in line.leaves)


def test_with_both_faults_what_was_not_read_comes_first(examined: Examined) -> None:
    field = value_field(examined)
    line = examined.under(Planted(masked=masked(examined, field), noise=0.05))
    assert leaf(line, field).cause == "not_selected"


def test_what_full_attention_gets_wrong_too_is_the_models_own_mistake(examined: Examined) -> None:
    field = value_field(examined)
    records = [{**record, field: "zzz " + record[field]} for record in examined.sample.records()]
    from text2json.schemas.canonical import canonical_json

    other = dataclasses.replace(examined.sample, answer=canonical_json(records))
    line = Examined(reader(), other, [parse_spec("full")], LIMIT).under(parse_spec("full"))
    wrong = leaf(line, field)
    assert (wrong.full_verdict, wrong.verdict, wrong.cause, wrong.located) == ("wrong", "wrong", "own_mistake", True)
    assert wrong.wrote == wrong.full_writes


def test_answers_and_scores_are_those_of_a_run(examined: Examined, tmp_path: Path) -> None:
    for spec in ("full", "quest:budget=48,local=8", "shadowkv:budget=0.2,local=8"):
        folder = RunFolder(tmp_path / spec.partition(":")[0])
        run_samples(reader(), spec, [examined.sample], folder, data="", options=RunOptions(LIMIT, 1),
                    advance=lambda _: None)  # fmt: skip
        (prediction,) = read_lines(folder.predictions, Prediction)
        line = examined.under(parse_spec(spec))
        assert (line.own.output, line.own.finish_reason) == (prediction.output, prediction.finish_reason)
        score = score_sample(examined.sample, prediction.output)
        assert (line.own.records, line.own.fields) == (score.records, score.fields)
        assert line.prompt_tokens == prediction.prompt_tokens


def test_an_output_that_never_ends_has_a_cause_all_the_same(examined: Examined) -> None:
    short = Examined(reader(), examined.sample, examined.strategies, max_new_tokens=4)
    line = short.under(parse_spec("oracle:budget=20,local=4"))
    assert line.own.finish_reason == "length"
    for one in line.leaves:
        assert (one.verdict, one.located) == ("missing", False)
        assert one.cause is not None


def test_a_token_in_anothers_stead() -> None:
    loaded = reader()
    ids = loaded.tokenizer('[{"name":"Velo"}]', add_special_tokens=False)["input_ids"]
    output = Output(loaded, [*ids, loaded.tokenizer.eos_token_id])
    assert output.text == '[{"name":"Velo"}]'
    assert output.finish_reason == "stop"
    place = len(ids) - 1
    other = loaded.tokenizer("x", add_special_tokens=False)["input_ids"][0]
    assert output.instead(place, other) == output.text[: output.spans[place][0]] + "x"
    assert output.instead(len(ids), other) == output.text + "x"
