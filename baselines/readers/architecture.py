"""The readers' architectures: small members of the families that the paper measures."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedModel

from text2json.baselines.readers.tokenizer import END_ID, PAD_ID

SHAPE: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 640,
    "num_hidden_layers": 8,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,  # G = 2, so that grouped-query selection is exercised
    "head_dim": 64,
    "tie_word_embeddings": True,  # copying a token needs its input and output embedding to agree
    "max_position_embeddings": 16384,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1.5e6},  # contents match over thousands of tokens
    "rms_norm_eps": 1e-5,
}


def build_model(family: str, *, vocab_size: int, seed: int, **shape: Any) -> PreTrainedModel:
    """Return a randomly initialised reader in float32.

    Args:
        family: `llama` or `qwen3`.
        vocab_size: number of tokens.
        seed: seed of the initialisation.
        **shape: departures from `SHAPE`.
    """
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(seed)
    options = {
        **SHAPE,
        **shape,
        "vocab_size": vocab_size,
        "pad_token_id": PAD_ID,
        "eos_token_id": END_ID,
        "bos_token_id": None,
    }
    if family == "qwen3":
        model: PreTrainedModel = Qwen3ForCausalLM(Qwen3Config(**options))
    else:
        model = LlamaForCausalLM(LlamaConfig(**options))
    return model
