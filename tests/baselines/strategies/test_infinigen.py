from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.baselines.references import (
    SHAPES,
    assert_top,
    check_step_equals_simulation,
    chosen_sets,
    make_prompt,
    random_query,
    raw,
    seal,
)
from tests.baselines.tiny import prompts, tiny
from text2json.baselines.cache import handed, tiered_cache
from text2json.baselines.prompt import Prompt
from text2json.baselines.strategies import parse_spec
from text2json.errors import ModelError, SpecError


def partial_scores(prompt: Prompt, query: Tensor, row: int, head: int, share: float) -> Tensor:
    """Return the paper's scores for all tokens: channels of the queries' singular vectors, by queries and by keys."""
    assert prompt.queries is not None
    group = prompt.queries.shape[1] // prompt.keys.shape[1]
    valid = prompt.valid[row]
    queries = prompt.queries[row, head][valid].double()
    keys = prompt.keys[row, head // group].double()
    turn = torch.linalg.svd(queries, full_matrices=True).Vh.T
    count = max(1, int(share * turn.shape[0]))
    sums = [(rows @ turn).abs().sum(0).tolist() for rows in (queries, keys[valid])]
    kept = sorted({c for total in sums for c in sorted(range(len(total)), key=lambda c: -total[c])[:count]})
    asked = query[row, head // group, head % group].double()
    scores: Tensor = (keys @ turn[:, kept]) @ (asked @ turn[:, kept]) * turn.shape[0] ** -0.5
    return scores


@settings(max_examples=25)
@given(shape=SHAPES, budget=st.integers(1, 39), share=st.sampled_from([0.2, 0.4, 1.0]))
def test_few_channels_pick_a_fixed_number_of_tokens(shape: dict[str, Any], budget: int, share: float) -> None:
    prompt = make_prompt(**shape)
    query = random_query(prompt)
    found = chosen_sets(seal(f"infinigen:alpha=0,budget={budget},channels={share}", prompt), query)
    for b in range(shape["batch"]):
        for head in range(shape["heads"] * shape["group"]):
            scores = partial_scores(prompt, query, b, head, share).tolist()
            assert_top(found[b][head], raw(scores, prompt.valid[b].tolist()), budget, tolerance=1e-4)


@settings(max_examples=25)
@given(shape=SHAPES, cap=st.integers(1, 39), alpha=st.floats(0.05, 3))
def test_the_threshold_sets_one_number_for_all_heads(shape: dict[str, Any], cap: int, alpha: float) -> None:
    """Count = mean over heads of #{score >= best - alpha}, at most the cap; each head then reads its own tokens."""
    prompt = make_prompt(**shape)
    query = random_query(prompt)
    found = chosen_sets(seal(f"infinigen:alpha={alpha},budget={cap}", prompt), query)
    heads = shape["heads"] * shape["group"]
    for b in range(shape["batch"]):
        valid = prompt.valid[b].tolist()
        rows = [raw(partial_scores(prompt, query, b, head, 0.2).tolist(), valid) for head in range(heads)]
        low, high = (
            min(cap, max(1, int(sum(sum(s >= max(row) - alpha + slack for s in row) for row in rows) / heads)))
            for slack in (1e-5, -1e-5)
        )  # fmt: skip
        sizes = {len(tokens) for tokens in found[b]}
        assert len(sizes) == 1
        assert low <= sizes.pop() <= high
        for head in range(heads):
            assert_top(found[b][head], rows[head], len(found[b][head]), tolerance=1e-4)


def test_all_channels_of_an_exact_prediction_are_the_exact_scores() -> None:
    prompt = make_prompt(2, padding=0)
    index = seal("infinigen:channels=1", prompt).index
    query = random_query(prompt)
    assert index is not None
    torch.testing.assert_close(index.scores(query), query @ prompt.keys.mT, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", ["llama", "qwen3", "qwen3-moe"])
def test_the_prediction_is_the_layers_query_of_the_input_before(family: str) -> None:
    """The oracle is the model's own projection, norm and rotation, called by hand on the recorded inputs."""
    model: Any = tiny(family, num_hidden_layers=4)
    inputs = prompts(2, 60, padding=(9,))
    seen: dict[int, Tensor] = {}
    handles = [
        layer.self_attn.register_forward_pre_hook(
            lambda module, args, kwargs: seen.__setitem__(int(module.layer_idx), kwargs["hidden_states"]),
            with_kwargs=True,
        )
        for layer in model.model.layers
    ]
    cache = tiered_cache(model, "infinigen:budget=0.3")
    model.generate(**inputs, **handed(cache), max_new_tokens=5, do_sample=False, pad_token_id=0)
    for handle in handles:
        handle.remove()
    for place in (2, 3):
        attention: Any = model.model.layers[place].self_attn
        query = attention.q_proj(seen[place - 1]).view(2, 1, 4, 32)
        if "qwen3" in family:
            query = attention.q_norm(query)
        positions = torch.tensor([[60 - 9 + 3], [60 + 3]])  # the fourth generated token is the last one that is read
        expected = cache.rope.rotate(query.transpose(1, 2), positions)
        layer: Any = cache.tiered_layers()[place]
        index = layer.sealed.index
        torch.testing.assert_close(index.predicted.flatten(1, 2).unsqueeze(2), expected, rtol=1e-4, atol=1e-4)
    assert cache.tiered_layers()[1].sealed is None
    assert cache.ledger.steps == 4


def test_a_step_equals_its_simulation() -> None:
    check_step_equals_simulation(make_prompt(4), "infinigen:budget=20,alpha=1,local=5")


def test_bytes_are_those_of_the_formula_and_of_the_tensors() -> None:
    """At most 0.4 d channels in 16 bits for each query head: 102 bytes at d = 128, at least 0.2 d: 50."""
    prompt = make_prompt(5, batch=1, heads=2, group=4, size=128, length=300, padding=0, dtype=torch.bfloat16)
    sealed = seal("infinigen", prompt)
    index: Any = sealed.index
    width = index.rows.shape[3]
    assert 25 <= width <= 50
    assert index.nbytes == 2 * width * 8 * 300 + 2 * width * 8 * 128
    assert sealed.keys.nbytes + sealed.values.nbytes == 512 * 2 * 300


def test_short_prompts_and_first_layers_stay_whole() -> None:
    infinigen = parse_spec("infinigen")
    assert infinigen.seal(make_prompt(6, layer=1)) is None
    assert parse_spec("infinigen:budget=200").seal(make_prompt(6)) is None


def test_a_model_without_a_query_projection_is_refused() -> None:
    from transformers import Phi3Config, Phi3ForCausalLM

    config = Phi3Config(vocab_size=300, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
                        num_attention_heads=2, num_key_value_heads=2, pad_token_id=0)  # fmt: skip
    with pytest.raises(ModelError, match="no query projection"):
        tiered_cache(Phi3ForCausalLM(config), "infinigen")


@pytest.mark.parametrize("options", ["channels=0", "alpha=-1", "dense_layers=-1", "calibration=0", "budget=0"])
def test_impossible_options_are_errors(options: str) -> None:
    with pytest.raises(SpecError):
        parse_spec(f"infinigen:{options}")
