"""What must hold of every figure: strategies that lose nothing, and strategies that lose in one way only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerBase

from tests.baselines.tiny import prompts, tiny
from text2json.baselines.diagnosis.prefilled import Prefilled, forward
from text2json.baselines.diagnosis.probe import SUMS, Probe, Step
from text2json.baselines.models import LoadedModel
from text2json.baselines.strategies import parse_spec

IDS = prompts(1, 200)["input_ids"][0].tolist()
AFTER = [7, 99, 201, 45]


class Tokenizer(PreTrainedTokenizerBase):
    """None is needed here."""


def load(family: str = "llama") -> LoadedModel:
    return LoadedModel(family, None, tiny(family, num_hidden_layers=3), Tokenizer())  # type: ignore[no-untyped-call]


def steps(spec: str, watched: Sequence[int] = (3, 50, 51), family: str = "llama") -> list[Step]:
    """Lead a strategy along fixed tokens."""
    loaded, strategy = load(family), parse_spec(spec)
    prefilled = Prefilled(loaded, IDS, [strategy])
    probe = Probe(prefilled.exact, torch.tensor(watched))
    cache = prefilled.fork(strategy, probe)
    found = []
    for token in AFTER:
        forward(loaded, cache, [token])
        found.append(probe.take())
    assert probe.places == [0, 1, 2]
    return found


def total(found: list[Step]) -> dict[str, np.ndarray]:
    summed = sum(step.figures for step in found)
    return {name: np.asarray(summed)[..., place] for place, name in enumerate(SUMS)}


@pytest.mark.parametrize("family", ["llama", "qwen3"])
@pytest.mark.parametrize("spec", ["full", "full-offload", "oracle:budget=190,local=10", "yakv:budget=0.99,local=100"])
def test_a_strategy_that_reads_everything_exactly_is_exact_attention(spec: str, family: str) -> None:
    found = steps(spec, family=family)
    sums = total(found)
    assert (sums["steps"] == 4).all()
    np.testing.assert_allclose(sums["mass_read"], sums["mass_prompt"], rtol=1e-6)
    np.testing.assert_allclose(sums["mass_lost"], 0, atol=1e-6)
    assert (sums["overlap"] == 4).all()
    for name in ("key_error", "value_error", "selection_error"):
        np.testing.assert_allclose(sums[name], 0, atol=1e-10)
    for name in ("output_error", "store_error"):
        assert (sums[name] < 1e-10 * sums["output_norm"]).all()
    assert all(step.read.all() for step in found)


@pytest.mark.parametrize("budget", [1, 7, 40, 150])
def test_the_oracle_overlaps_with_itself_at_any_budget_and_rebuilds_exactly(budget: int) -> None:
    sums = total(steps(f"oracle:budget={budget},local=9"))
    np.testing.assert_allclose(sums["overlap"], 4, atol=0.03 * 4)  # equal but for rounding at the border
    assert (sums["mass_read"] < sums["mass_prompt"]).all()
    assert (sums["store_error"] < 1e-9 * sums["output_norm"]).all()
    assert (sums["selection_error"] > 0).all()
    np.testing.assert_allclose(sums["output_error"], sums["selection_error"], rtol=1e-3)


def test_the_oracle_recovers_more_mass_with_a_larger_budget() -> None:
    shares = []
    for budget in (5, 20, 80):
        sums = total(steps(f"oracle:budget={budget},local=9"))
        shares.append(float(sums["mass_read"].sum() / sums["mass_prompt"].sum()))
    assert shares == sorted(shares)


def test_a_quantised_full_cache_reads_everything_and_errs_in_its_stores_alone() -> None:
    sums = total(steps("quantized:bits=2,group=32,local=8"))
    np.testing.assert_allclose(sums["mass_read"], sums["mass_prompt"], rtol=1e-6)
    np.testing.assert_allclose(sums["selection_error"], 0, atol=1e-10)
    np.testing.assert_allclose(sums["output_error"], sums["store_error"], rtol=1e-6)
    relative = np.sqrt(sums["key_error"] / sums["key_norm"])
    assert ((relative > 0.1) & (relative < 0.8)).all()


@pytest.mark.parametrize("spec", ["quest:budget=48,page=8,dense_layers=1", "lrqk:budget=20,local=8,rank=8",
                                  "arkvale:budget=32,page=8,window=2,sinks=1", "shadowkv:budget=24,local=8",
                                  "infinigen", "streaming-llm:window=40", "snapkv:budget=48", "yakv:budget=20,local=8",
                                  "yakv-serving", "residual-landmarks"])  # fmt: skip
def test_every_strategy_keeps_the_laws(spec: str) -> None:
    found = steps(spec)
    sums = total(found)
    assert (sums["mass_read"] <= sums["mass_prompt"] + 1e-6).all()
    np.testing.assert_allclose(sums["mass_lost"], sums["mass_prompt"] - sums["mass_read"], atol=1e-6)
    assert ((sums["overlap"] >= 0) & (sums["overlap"] <= 4 + 1e-9)).all()
    root = {name: np.sqrt(sums[name]) for name in ("output_error", "selection_error", "store_error")}
    assert (root["output_error"] <= root["selection_error"] + root["store_error"] + 1e-5).all()  # triangle
    for step in found:
        assert step.read.shape == step.mass.shape == (3, 4, 3)
        assert (step.mass >= 0).all()
        assert (step.mass.sum(-1) <= 1 + 1e-5).all()


def test_what_an_evicting_strategy_threw_away_is_not_read() -> None:
    for step in steps("streaming-llm:sinks=4,window=40", watched=(3, 50, 51)):
        assert step.read[..., 0].all()
        assert not step.read[..., 1:].any()


def test_the_prompt_stays_what_it_was_whatever_decodes_from_it() -> None:
    loaded = load()
    strategies = [parse_spec(spec) for spec in ("lrqk:budget=20,local=8", "yakv:budget=20,local=8", "infinigen")]
    prefilled = Prefilled(loaded, IDS, strategies)
    before = [tuple(part.clone() for part in prefilled.exact(place)) for place in range(3)]
    for strategy in strategies:
        cache = prefilled.fork(strategy)
        for token in AFTER:
            forward(loaded, cache, [token])
        assert len(list(prefilled.logits(AFTER))) == 1
    for place, parts in enumerate(before):
        for now, then in zip(prefilled.exact(place), parts, strict=True):
            assert torch.equal(now, then)


@pytest.mark.parametrize(
    "spec", ["full", "yakv:budget=20,local=8", "lrqk:budget=20,local=8", "infinigen", "snapkv:budget=48"]
)
def test_decoding_from_a_shared_prompt_is_decoding_alone(spec: str) -> None:
    from text2json.baselines import tiered_cache

    loaded = load()
    others = [parse_spec("lrqk:budget=20,local=8"), parse_spec(spec)]
    forked = Prefilled(loaded, IDS, others).fork(others[1])
    alone = tiered_cache(loaded.model, spec)
    forward(loaded, alone, IDS)
    for token in AFTER:
        one, other = (forward(loaded, cache, [token]) for cache in (forked, alone))
        torch.testing.assert_close(one, other)


def test_logits_of_exact_attention_are_the_models_own() -> None:
    loaded = load()
    prefilled = Prefilled(loaded, IDS, [parse_spec("full")])
    long = (AFTER * 20)[:70]
    found = torch.cat(list(prefilled.logits(long)))
    with torch.inference_mode():
        plain = loaded.model(input_ids=torch.tensor([IDS + long])).logits[0, len(IDS) :]
    torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-4)
