from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GraniteConfig, GraniteForCausalLM

from tests.baselines.references import (
    SHAPES,
    assert_top,
    check_step_equals_simulation,
    chosen_sets,
    make_prompt,
    random_query,
    raw,
    resident_sets,
    seal,
    softmax,
)
from tests.baselines.tiny import prompts, tiny, transformers_before
from text2json.baselines.cache import handed, tiered_cache
from text2json.baselines.strategies import parse_spec
from text2json.errors import SpecError


@settings(max_examples=15)
@given(shape=SHAPES, budget=st.integers(9, 39), kernel=st.sampled_from([1, 3, 5]), pool=st.sampled_from(["avg", "max"]))
def test_the_window_votes_for_what_stays(shape: dict[str, Any], budget: int, kernel: int, pool: str) -> None:
    """Softmax from each window query, causal; sum over queries; pool over neighbours; mean over the group; top."""
    prompt = make_prompt(**shape)
    assert prompt.queries is not None
    sealed = seal(f"snapkv:budget={budget},window=8,kernel={kernel},pool={pool}", prompt)
    assert chosen_sets(sealed, random_query(prompt)) == [[set()] * shape["heads"]] * shape["batch"]
    length, border, half = shape["length"], shape["length"] - 8, kernel // 2
    for b in range(shape["batch"]):
        valid = prompt.valid[b].tolist()
        for h in range(shape["heads"]):
            means = [0.0] * border
            for g in range(shape["group"]):
                sums = [0.0] * border
                for t in range(border, length):
                    query = prompt.queries[b, h * shape["group"] + g, t]
                    scores = (prompt.keys[b, h] @ query * shape["size"] ** -0.5).tolist()
                    weights = softmax(scores, [ok and place <= t for place, ok in enumerate(valid)])
                    sums = [total + max(weight, 0.0) for total, weight in zip(sums, weights, strict=False)]
                for place in range(border):
                    near = sums[max(0, place - half) : place + half + 1]
                    means[place] += max(near) if pool == "max" else sum(near) / kernel
            found = resident_sets(sealed)[b][h]
            assert set(range(border, length)) <= found
            assert_top(found - set(range(border, length)), raw(means, valid[:border]), budget - 8)


@pytest.mark.skipif(transformers_before(5), reason="its last prompt token is a step of its own")
def test_queries_of_chunked_and_batched_prefill_reach_the_vote() -> None:
    model, inputs = tiny(), prompts(2, 90, padding=(13,))
    options = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0}
    whole, chunked = (tiered_cache(model, "snapkv:budget=30,window=8") for _ in range(2))
    expected = model.generate(**inputs, **handed(whole), **options)  # type: ignore[operator]
    found = model.generate(  # type: ignore[operator]
        **inputs, **handed(chunked), prefill_chunk_size=40, **options
    )
    assert torch.equal(found, expected)
    for one, other in zip(whole.tiered_layers(), chunked.tiered_layers(), strict=True):
        assert one.sealed is not None
        assert other.sealed is not None
        assert resident_sets(one.sealed) == resident_sets(other.sealed)
        assert one.queries is None


def test_the_window_votes_with_the_models_own_scaling() -> None:
    """The oracle is the model's eager attention, whose weights are summed, pooled and ranked by hand."""
    config = GraniteConfig(vocab_size=300, hidden_size=64, intermediate_size=64, num_hidden_layers=1, pad_token_id=0,
                           num_attention_heads=4, num_key_value_heads=2, initializer_range=0.2, bos_token_id=None,
                           eos_token_id=None, attention_multiplier=1 / 128)  # fmt: skip
    torch.manual_seed(0)
    model, inputs = GraniteForCausalLM(config).eval(), prompts(1, 90)
    model.set_attn_implementation("eager")
    weights = model(**inputs, output_attentions=True).attentions[0][0, :, -8:, :82].sum(1)
    pooled = torch.nn.functional.avg_pool1d(weights, 5, stride=1, padding=2).view(2, 2, 82).mean(1)
    cache = tiered_cache(model, "snapkv:budget=30,window=8")
    model.generate(**inputs, **handed(cache), max_new_tokens=2, do_sample=False)
    sealed = cache.tiered_layers()[0].sealed
    assert sealed is not None
    wanted = [set(row.topk(22).indices.tolist()) | set(range(82, 90)) for row in pooled]
    assert resident_sets(sealed) == [wanted]


def test_a_step_equals_its_simulation() -> None:
    check_step_equals_simulation(make_prompt(4), "snapkv:budget=30,window=8")


def test_bytes_are_those_of_the_tokens_that_stay() -> None:
    prompt = make_prompt(5, batch=1, heads=8, size=128, length=200, padding=0, dtype=torch.bfloat16)
    sealed = seal("snapkv:budget=64", prompt)
    assert sealed.residents.keys.nbytes + sealed.residents.values.nbytes == 512 * 8 * 64
    assert sealed.keys.nbytes + sealed.values.nbytes == 0


def test_a_prompt_within_the_budget_stays_whole() -> None:
    assert parse_spec("snapkv").seal(make_prompt(1)) is None
    assert parse_spec("snapkv:budget=0.5").seal(make_prompt(1)) is not None


@pytest.mark.parametrize("options", ["budget=0", "window=0", "budget=16", "kernel=4", "pool=sum"])
def test_impossible_options_are_errors(options: str) -> None:
    with pytest.raises(SpecError):
        parse_spec(f"snapkv:{options}")
