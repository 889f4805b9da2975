"""All of `generate()`: `full` gives stock's tokens in every mode; strategies that read less work in every mode."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    DynamicCache,
    Gemma2Config,
    Gemma2ForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
)

from tests.baselines.tiny import prompts, tiny
from text2json.baselines.cache import TieredCache, handed, tiered_cache
from text2json.errors import ModelError

FAMILIES = ["llama", "qwen3", "qwen3-moe", "mistral", "mistral-sliding", "qwen3-mixed"]
MODES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "chunked prefill": {"prefill_chunk_size": 32},
    "beams": {"num_beams": 3},
    "sampling": {"do_sample": True, "temperature": 0.8, "top_k": 20},
    "several samples": {"do_sample": True, "num_return_sequences": 2},
}
SPARSE = ["oracle:budget=20,local=8", "yakv:budget=20,local=8", "shadowkv:budget=24,local=8"]
SHAPE: dict[str, Any] = {
    "vocab_size": 300, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "pad_token_id": 0, "bos_token_id": None, "eos_token_id": None,
}  # fmt: skip


def model_of(family: str) -> PreTrainedModel:
    if family == "mistral-sliding":
        return tiny("mistral", sliding_window=32)
    if family == "qwen3-mixed":
        layer_types = ["sliding_attention", "full_attention"]
        return tiny("qwen3", use_sliding_window=True, sliding_window=32, layer_types=layer_types)
    return tiny(family)


def tokens(model: PreTrainedModel, inputs: dict[str, Tensor], cache: TieredCache | None, **options: Any) -> Tensor:
    torch.manual_seed(3)
    extra: dict[str, Any] = {} if cache is None else handed(cache)
    if cache is None and "prefill_chunk_size" in options:  # transformers 5.0 makes no cache of its own there
        extra = handed(DynamicCache(config=model.config))
    with torch.inference_mode():
        found: Tensor = model.generate(  # type: ignore[operator]
            **inputs, **extra, **({"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0} | options)
        )
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "mistral-sliding"])
def test_full_gives_the_tokens_of_stock(family: str, mode: str) -> None:
    model, inputs = model_of(family), prompts(2, 80, padding=(11,))
    stock = tokens(model, inputs, None, **MODES[mode])
    assert torch.equal(tokens(model, inputs, tiered_cache(model, "full"), **MODES[mode]), stock)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("spec", SPARSE)
def test_every_mode_works_with_tiers_and_repeats_itself(spec: str, mode: str) -> None:
    model, inputs = tiny(), prompts(2, 80, padding=(11,))
    cache = tiered_cache(model, spec)
    once = tokens(model, inputs, cache, **MODES[mode])
    assert cache.ledger.steps > 0
    cache.reset()
    assert torch.equal(tokens(model, inputs, cache, **MODES[mode]), once)


@pytest.mark.parametrize("family", ["llama", "qwen3", "qwen3-moe"])
def test_assisted_decoding_under_full_gives_the_tokens_of_stock(family: str) -> None:
    """The assistant is the model with one layer; most of its proposals are wrong, so the cache is cropped."""
    model, assistant, inputs = tiny(family), tiny(family, num_hidden_layers=1), prompts(1, 60)
    stock = tokens(model, inputs, None)
    assert torch.equal(tokens(model, inputs, tiered_cache(model, "full"), assistant_model=assistant), stock)


def test_a_model_with_sliding_layers_alone_is_refused() -> None:
    with pytest.raises(ModelError, match="no full-attention layer"):
        tiered_cache(model_of("mistral-sliding"), "full")


def test_latent_attention_is_refused_before_any_token() -> None:
    ranks = {"kv_lora_rank": 16, "q_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 16}
    experts = {
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_group": 1,
        "topk_group": 1,
        "first_k_dense_replace": 2,
    }
    model = DeepseekV3ForCausalLM(DeepseekV3Config(**(SHAPE | ranks | experts | {"num_key_value_heads": 4})))
    with pytest.raises(ModelError, match="latents"):
        tiered_cache(model, "full")


def test_attention_sinks_are_refused_before_any_token() -> None:
    model = GptOssForCausalLM(GptOssConfig(**SHAPE, num_local_experts=2, num_experts_per_tok=1))
    with pytest.raises(ModelError, match="sinks"):
        tiered_cache(model, "yakv")


def test_capped_scores_are_refused_before_any_token() -> None:
    with pytest.raises(ModelError, match="caps its attention scores"):
        tiered_cache(Gemma2ForCausalLM(Gemma2Config(**SHAPE)), "full")


def test_an_encoder_with_a_decoder_is_refused_before_any_token() -> None:
    model = T5ForConditionalGeneration(T5Config(vocab_size=300, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2))
    with pytest.raises(ModelError, match="encoder with a decoder"):
        tiered_cache(model, "full")


def test_a_model_that_drops_its_cache_where_its_frequencies_change_is_refused_before_any_token() -> None:
    factors = {"short_factor": [1.0] * 8, "long_factor": [4.0] * 8, "original_max_position_embeddings": 64}
    rope = {"rope_type": "longrope", "rope_theta": 10000.0, "factor": 16.0} | factors
    shape = SHAPE | {"max_position_embeddings": 1024, "original_max_position_embeddings": 64, "rope_parameters": rope}
    with pytest.raises(ModelError, match="drops its cache"):
        tiered_cache(Phi3ForCausalLM(Phi3Config(**shape)), "full")


def test_keys_that_are_not_finite_are_refused_before_any_token() -> None:
    model = tiny()
    with torch.no_grad():
        model.get_parameter("model.layers.1.self_attn.k_proj.weight")[0, 0] = float("nan")
    with pytest.raises(ModelError, match="not finite"):
        tokens(model, prompts(1, 40), tiered_cache(model, "full"))


def test_cropping_takes_a_length_and_a_number_of_tokens_alike() -> None:
    model, inputs = tiny(), prompts(1, 40)
    for change, left in ((-5, 42), (30, 30), (0, 47), (99, 47)):
        cache = tiered_cache(model, "full")
        tokens(model, inputs, cache)
        cache.crop(change)
        assert cache.get_seq_length() == left
