"""Begin a reader of one family from the weights of another: the same circuits, and norms where the other has none.

Copying and looking up take a small model most of its training; they live in weights that both families have. A Llama
becomes a Qwen 3 by norms on queries and keys, whose gains begin at the size that queries and keys had.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from text2json.baselines.readers.architecture import build_model

SHAPED = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "rope_parameters",
)


def transplant(
    old: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, family: str, *, texts: list[str]
) -> PreTrainedModel:
    """Return a reader of `family` that begins from `old`, in float32.

    Args:
        old: a reader of any family.
        tokenizer: of both.
        family: `llama` or `qwen3`.
        texts: a few prompts, on which the sizes of queries and keys are measured.
    """
    old = old.float()
    shape = {name: getattr(old.config, name) for name in SHAPED}
    new = build_model(family, vocab_size=old.config.vocab_size, seed=0, **shape)  # the seed's weights are all replaced
    weights = dict(old.state_dict())
    if family == "qwen3" and old.config.model_type != "qwen3":
        weights |= norm_gains(old, tokenizer, texts)
    new.load_state_dict(weights)
    return new


@torch.no_grad()
def norm_gains(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> dict[str, Tensor]:
    """Return the gains of every layer's query and key norms: the root mean square that these had over all channels."""
    squares: dict[str, list[Tensor]] = {}
    handles = []
    for number, layer in enumerate(model.model.layers):
        for letter in "qk":
            name = f"model.layers.{number}.self_attn.{letter}_norm.weight"

            def note(module: Any, inputs: Any, output: Tensor, name: str = name) -> None:
                squares.setdefault(name, []).append(output.square().mean())

            handles.append(getattr(layer.self_attn, f"{letter}_proj").register_forward_hook(note))
    for text in texts:
        model(**tokenizer(text, return_tensors="pt"))
    for handle in handles:
        handle.remove()
    size = model.config.head_dim
    return {name: torch.stack(found).mean().sqrt().expand(size).clone() for name, found in squares.items()}
