"""Begin a reader from another one's weights: another tokeniser, another family, the same circuits.

Copying and looking up take a small model most of its training; they live in the layers, not in the vocabulary. A new
token begins as the mean of the old tokens that spell it. A Llama becomes a Qwen 3 by norms on queries and keys, whose
gains begin at the size that queries and keys had.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from text2json.baselines.readers.architecture import build_model

NOISE = 0.3
"""Of a new embedding, in standard deviations of the old ones, so that tokens of the same parts are told apart."""


def transplant(
    old: PreTrainedModel,
    old_tokenizer: PreTrainedTokenizerBase,
    tokenizer: PreTrainedTokenizerBase,
    family: str,
    *,
    seed: int,
    texts: list[str],
) -> PreTrainedModel:
    """Return a reader of `family` over `tokenizer` that begins from `old`, in float32.

    Args:
        old: a reader of any family.
        old_tokenizer: its tokeniser.
        tokenizer: the new reader's.
        family: `llama` or `qwen3`.
        seed: of the embeddings' noise.
        texts: a few prompts, on which the sizes of queries and keys are measured.
    """
    old = old.float()
    shape = {name: getattr(old.config, name) for name in SHAPED}
    new = build_model(family, vocab_size=len(tokenizer), seed=seed, **shape)
    weights = dict(old.state_dict())
    same = old_tokenizer.get_vocab() == tokenizer.get_vocab()
    table = weights["model.embed_tokens.weight"]
    moved = table if same else spelled(table, old_tokenizer, tokenizer, seed)
    weights["model.embed_tokens.weight"] = weights["lm_head.weight"] = moved
    if family == "qwen3" and old.config.model_type != "qwen3":
        weights |= norm_gains(old, old_tokenizer, texts)
    new.load_state_dict(weights)
    return new


SHAPED = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "rope_parameters",
)


def spelled(
    table: Tensor, old_tokenizer: PreTrainedTokenizerBase, tokenizer: PreTrainedTokenizerBase, seed: int
) -> Tensor:
    """Return embeddings (new vocabulary, hidden) out of `table` (old vocabulary, hidden)."""
    known = old_tokenizer.get_vocab()
    bpe = old_tokenizer.backend_tokenizer.model
    noise = (
        NOISE * table.std() * torch.randn(len(tokenizer), table.shape[1], generator=torch.Generator().manual_seed(seed))
    )
    rows = torch.empty(len(tokenizer), table.shape[1])
    for word, place in tokenizer.get_vocab().items():
        parts = [known[word]] if word in known else [token.id for token in bpe.tokenize(word)]
        rows[place] = table[parts].mean(0) + (noise[place] if len(parts) > 1 else 0)
    return rows


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
