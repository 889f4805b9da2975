"""Every name of the registry on every kind of supported model, with its defaults and with options that select."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from tests.baselines.test_host import SPECS
from tests.baselines.tiny import prompts, tiny
from text2json.baselines.cache import TieredCache, handed, tiered_cache
from text2json.baselines.strategies import STRATEGIES
from text2json.errors import ModelError

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "qwen3": ("qwen3", {}),
    "qwen3-moe": ("qwen3-moe", {}),
    "heads of 20, one group": (
        "llama",
        {"head_dim": 20, "hidden_size": 96, "num_attention_heads": 6, "num_key_value_heads": 1},
    ),
    "heads of 6, no group": (
        "qwen3",
        {"head_dim": 6, "hidden_size": 96, "num_attention_heads": 3, "num_key_value_heads": 3},
    ),
    "heads of 48, three each": (
        "llama",
        {"head_dim": 48, "hidden_size": 96, "num_attention_heads": 6, "num_key_value_heads": 2},
    ),
}
MEMORY_ALONE = ["full", "streaming-llm:window=20", "snapkv:budget=24,window=8", "quantized:local=8"]
"""What keeps nothing on the host."""


@cache
def model_of(name: str) -> PreTrainedModel:
    family, changes = MODELS[name]
    return tiny(family, **changes)


def logits(model: PreTrainedModel, held: TieredCache | None, inputs: dict[str, Tensor], **options: Any) -> Any:
    extra = {} if held is None else handed(held)
    greedy = {"max_new_tokens": 5, "do_sample": False, "return_dict_in_generate": True, "output_logits": True}
    with torch.inference_mode():
        return model.generate(**inputs, **extra, pad_token_id=0, **(greedy | options))  # type: ignore[operator]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("spec", SPECS)
def test_every_strategy_reads_its_tiers_on_every_model(spec: str, model: str) -> None:
    held = tiered_cache(model_of(model), spec)
    answer = logits(model_of(model), held, prompts(2, 90, padding=(11,)))
    assert answer.sequences.shape == (2, 95)
    assert all(bool(torch.isfinite(step).all()) for step in answer.logits)
    assert (held.ledger.host_bytes > 0) == (spec not in MEMORY_ALONE)
    assert (held.ledger.steps > 0) == (spec != "full")


@pytest.mark.parametrize("model", ["llama", "qwen3-moe", "heads of 6, no group"])
@pytest.mark.parametrize("name", STRATEGIES)
def test_defaults_work_and_a_prompt_that_they_cover_is_stock(name: str, model: str) -> None:
    """None of the defaults selects from 24 tokens, but where a share of the prompt is the budget."""
    for length in (1, 2, 24, 200):
        inputs = prompts(1, length)
        held = tiered_cache(model_of(model), name)
        answer = logits(model_of(model), held, inputs)
        assert all(bool(torch.isfinite(step).all()) for step in answer.logits)
        if held.ledger.steps == 0:
            stock = logits(model_of(model), None, inputs)
            assert torch.equal(answer.sequences, stock.sequences)
            assert max(float((a - b).abs().max()) for a, b in zip(answer.logits, stock.logits, strict=True)) == 0.0
        else:
            assert name != "full"


@pytest.mark.parametrize("model", MODELS)
def test_lossless_stores_that_are_read_whole_give_the_tokens_of_stock(model: str) -> None:
    """Through the tiers, not around them: everything is sealed, fetched from the host and attended to."""
    inputs = prompts(2, 90, padding=(11,))
    held = tiered_cache(model_of(model), "full-offload")
    answer, stock = logits(model_of(model), held, inputs), logits(model_of(model), None, inputs)
    assert held.ledger.steps == 4
    assert torch.equal(answer.sequences, stock.sequences)
    torch.testing.assert_close(torch.stack(answer.logits), torch.stack(stock.logits), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name not in ("full", "full-offload", "quantized")])
def test_a_covering_budget_is_stock(name: str) -> None:
    option = "window" if name == "streaming-llm" else "budget"
    extra = ",least=512" if name == "yakv-serving" else ""
    model, inputs = model_of("llama"), prompts(2, 90, padding=(11,))
    held = tiered_cache(model, f"{name}:{option}=2000{extra}")
    answer, stock = logits(model, held, inputs), logits(model, None, inputs)
    assert held.ledger.steps == 0
    assert torch.equal(answer.sequences, stock.sequences)
    assert max(float((a - b).abs().max()) for a, b in zip(answer.logits, stock.logits, strict=True)) == 0.0


def test_a_second_turn_counts_what_it_fetches_apart() -> None:
    model, inputs = model_of("llama"), prompts(1, 90)
    held = tiered_cache(model, "yakv:budget=20,local=8")
    first = logits(model, held, inputs)
    assert held.ledger.refetched == 0
    moved = held.ledger.moved
    more = torch.cat([first.sequences, first.sequences[:, :5]], 1)
    logits(model, held, {"input_ids": more, "attention_mask": torch.ones_like(more)}, max_new_tokens=1)
    assert held.ledger.refetched == held.ledger.host_bytes > 0
    assert held.ledger.moved == moved


@pytest.mark.parametrize("spec", ["yakv:budget=20,local=8", "quest:budget=48,dense_layers=0", "snapkv:budget=40"])
def test_drafts_are_verified_and_cropped_over_a_sealed_prompt(spec: str) -> None:
    """A pass of several tokens reads all that is kept; after the rejected ones are cropped, a step is as without it."""
    model = model_of("llama")
    caches = [tiered_cache(model, spec) for _ in range(2)]
    ids, _ = (logits(model, held, prompts(1, 90)).sequences for held in caches)
    draft = torch.cat([ids[:, -1:], prompts(1, 3)["input_ids"]], 1)
    with torch.inference_mode():
        model(draft, **handed(caches[1]), use_cache=True)
        assert caches[1].get_seq_length() == 94 + 4
        caches[1].crop(-4)
        one, other = (model(ids[:, -1:], **handed(held), use_cache=True).logits for held in caches)
    assert torch.equal(one, other)


def test_values_that_are_not_finite_are_refused_before_any_token() -> None:
    model = tiny()
    with torch.no_grad():
        model.get_parameter("model.layers.1.self_attn.v_proj.weight")[0, 0] = float("inf")
    with pytest.raises(ModelError, match="keys or values that are not finite"):
        logits(model, tiered_cache(model, "yakv"), prompts(1, 40))
