"""Small random models for the tests of caches, from transformers' own configurations."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
)

FAMILIES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "llama": (LlamaConfig, LlamaForCausalLM, {}),
    "llama-yarn": (LlamaConfig, LlamaForCausalLM, {
        "rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
                            "original_max_position_embeddings": 256}}),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM, {}),
    "qwen3-moe": (Qwen3MoeConfig, Qwen3MoeForCausalLM, {
        "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}),
    "mistral": (MistralConfig, MistralForCausalLM, {"sliding_window": None}),
}  # fmt: skip


def tiny(family: str = "llama", **changes: Any) -> PreTrainedModel:
    """Return a random model with G = 2 whose output depends strongly on what it reads."""
    config, model, extra = FAMILIES[family]
    shape: dict[str, Any] = {
        "vocab_size": 300, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "max_position_embeddings": 2048,
        "initializer_range": 0.2, "bos_token_id": None, "eos_token_id": None, "pad_token_id": 0,
    }  # fmt: skip
    torch.manual_seed(0)
    made: PreTrainedModel = model(config(**(shape | extra | changes))).eval()
    return made


def prompts(batch: int, length: int, *, padding: tuple[int, ...] = ()) -> dict[str, Tensor]:
    """Return left-padded random prompts."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1, 300, (batch, length), generator=generator)
    mask = torch.ones_like(ids)
    for row, count in enumerate(padding):
        mask[row, :count] = 0
        ids[row, :count] = 0
    return {"input_ids": ids, "attention_mask": mask}


def transformers_before(major: int) -> bool:
    """Tell whether the installed transformers is older than a major release."""
    return int(version("transformers").partition(".")[0]) < major
