"""The readers' architectures: small members of the families that the paper measures."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from text2json.baselines.readers.tokenizer import END_ID, PAD_ID

SHAPE: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 640,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,  # G = 2, so that grouped-query selection is exercised
    "head_dim": 64,
    "tie_word_embeddings": True,  # copying a token needs its input and output embedding to agree
    "max_position_embeddings": 16384,
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


def grown(model: PreTrainedModel, layers: int, *, seed: int) -> PreTrainedModel:
    """Return a deeper model that computes the same: new layers stand between the old ones and add nothing yet.

    A new layer's output projections are zero, so that training starts from what the shallow model can do (as in
    Net2Net, arXiv 1511.05641); its other weights are random.

    Args:
        model: the shallow reader.
        layers: how many layers the result has.
        seed: of the new layers' weights.
    """
    old = len(model.model.layers)
    places = [round((place + 1) * layers / old) - 1 for place in range(old)]
    torch.manual_seed(seed)
    config = type(model.config)(**{**model.config.to_dict(), "num_hidden_layers": layers, "layer_types": None})
    deep = type(model)(config)
    deep.generation_config = model.generation_config
    weights = {name: tensor for name, tensor in model.state_dict().items() if ".layers." not in name}
    for was, now in enumerate(places):
        for name, tensor in model.model.layers[was].state_dict().items():
            weights[f"model.layers.{now}.{name}"] = tensor
    deep.load_state_dict(weights, strict=False)
    for place, layer in enumerate(deep.model.layers):
        if place not in places:
            nn.init.zeros_(layer.self_attn.o_proj.weight)
            nn.init.zeros_(layer.mlp.down_proj.weight)
    return deep


def turned(model: PreTrainedModel, theta: float) -> None:
    """Give `model` another base of its rotary embedding; the positions it learned have to be learned anew."""
    model.config.rope_parameters = {"rope_type": "default", "rope_theta": theta}
    model.model.rotary_emb = type(model.model.rotary_emb)(model.config)
