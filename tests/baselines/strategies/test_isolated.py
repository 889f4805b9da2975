from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.baselines.test_strategies import chosen_sets, make_prompt
from tests.baselines.tiny import prompts, tiny
from text2json.baselines.cache import TieredCache, handed, tiered_cache
from text2json.baselines.sealed import Sealed
from text2json.baselines.strategies import STRATEGIES, parse_spec
from text2json.errors import SpecError

SMALL = {
    "oracle": "budget=20,local=8", "shadowkv": "budget=24,local=8", "yakv": "budget=20,local=8",
    "yakv-serving": "budget=20,least=10", "residual-landmarks": "budget=20,local=8",
    "quest": "budget=48,dense_layers=0", "arkvale": "budget=16,sinks=0,window=1",
    "infinigen": "budget=20,dense_layers=0", "lrqk": "budget=20,local=8,rank=8", "streaming-llm": "window=20",
    "snapkv": "budget=24,window=8", "quantized": "local=8", "ablation": "budget=20,local=8",
}  # fmt: skip
SPECS = [f"{name}:{SMALL[name]}" if name in SMALL else name for name in STRATEGIES]


def run(spec: str) -> tuple[Tensor, TieredCache]:
    model, inputs = tiny(), prompts(2, 80, padding=(11,))
    cache = tiered_cache(model, spec)
    options: dict[str, Any] = {"max_new_tokens": 10, "do_sample": False, "pad_token_id": 0}
    with torch.inference_mode():
        return model.generate(**inputs, **handed(cache), **options), cache  # type: ignore[operator]


def seal(spec: str, seed: int = 4) -> Sealed:
    sealed = parse_spec(spec).seal(make_prompt(seed))
    assert sealed is not None
    return sealed


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("half", ["selection", "stores"])
def test_both_halves_of_every_strategy_generate(half: str, spec: str) -> None:
    tokens, cache = run(f"{half}@{spec}")
    assert tokens.shape == (2, 90)
    assert cache.strategy.spec == f"{half}@{parse_spec(spec).spec}"
    assert parse_spec(cache.strategy.spec) == cache.strategy


@pytest.mark.parametrize("spec", [s for s in SPECS if s.partition(":")[0] not in
                                  ("shadowkv", "yakv", "yakv-serving", "residual-landmarks", "quantized",
                                   "streaming-llm")])  # fmt: skip
def test_a_strategy_with_exact_stores_is_its_own_selection(spec: str) -> None:
    assert torch.equal(run(f"selection@{spec}")[0], run(spec)[0])


@pytest.mark.parametrize("spec", ["full", "full-offload", "quantized:local=8", "oracle:budget=20,local=8"])
def test_a_strategy_that_selects_everything_or_the_best_is_its_own_stores(spec: str) -> None:
    assert torch.equal(run(f"stores@{spec}")[0], run(spec)[0])


@pytest.mark.parametrize("spec", ["quantized:local=8", "full-offload"])
def test_the_selection_of_everything_loses_nothing(spec: str) -> None:
    assert torch.equal(run(f"selection@{spec}")[0], run("full")[0])


@pytest.mark.parametrize("spec", SPECS)
def test_a_selection_alone_reads_the_same_places_exactly(spec: str) -> None:
    if spec.startswith(("full", "lrqk", "infinigen", "snapkv")):
        pytest.skip("keeps everything, or needs the prompt's queries")
    prompt = make_prompt(4)
    alone, whole = seal(f"selection@{spec}"), seal(spec)
    query = torch.randn(2, 2, 3, 32, generator=torch.Generator().manual_seed(1))
    assert chosen_sets(alone, query) == chosen_sets(whole, query)
    assert torch.equal(alone.residents.places, whole.residents.places)
    keys, values = alone.rebuild(torch.float32)
    evicted = alone.evicted()
    read = torch.ones(2, 2, 100, dtype=torch.bool) if evicted is None else ~evicted
    read &= prompt.valid.unsqueeze(1)
    assert torch.equal(keys[read], prompt.keys[read])
    assert torch.equal(values[read], prompt.values[read])


@pytest.mark.parametrize("spec", ["yakv:budget=16,local=12", "shadowkv:budget=16,local=12,outliers=2"])
def test_stores_alone_read_what_the_oracle_would_as_the_strategy_has_it(spec: str) -> None:
    prompt = make_prompt(4)
    alone, whole = seal(f"stores@{spec}"), seal(spec)
    query = torch.randn(2, 2, 3, 32, generator=torch.Generator().manual_seed(1))
    found = chosen_sets(alone, query)
    for b in range(2):
        for h in range(2):
            resident = set(whole.residents.places[b, h].tolist())
            scores = (query[b, h] @ prompt.keys[b, h].T) * 32**-0.5
            free = [t for t in range(88) if bool(prompt.valid[b, t]) and t not in resident]
            weights = scores[:, free].softmax(-1).amax(0)
            assert found[b][h] == {free[int(place)] for place in weights.topk(16).indices}
    for ours, its in zip(alone.rebuild(torch.float32), whole.rebuild(torch.float32), strict=True):
        assert torch.equal(ours, its)


def test_where_query_heads_choose_for_themselves_the_oracle_does_too() -> None:
    tokens, _ = seal("stores@quest:budget=48,dense_layers=0").select(torch.randn(2, 2, 3, 32), 1.0)
    assert tokens.shape == (2, 6, 32)  # the last page counts among the three


def test_the_best_of_what_an_evicting_strategy_could_have_kept() -> None:
    sealed = seal("stores@streaming-llm:sinks=4,window=20")
    tokens, chosen = sealed.select(torch.randn(2, 2, 3, 32), 1.0)
    assert tokens.shape[2] == 24
    assert bool(chosen.all())
    assert sealed.residents.places.shape[2] == 0


def test_a_wrong_half_is_an_error_with_a_remedy() -> None:
    with pytest.raises(SpecError, match="did you mean 'stores'"):
        parse_spec("store@yakv")
    with pytest.raises(SpecError, match="did you mean 'yakv'"):
        parse_spec("stores@yakf")
