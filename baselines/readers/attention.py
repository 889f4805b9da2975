"""Training attention for CPUs.

In bfloat16 it is one batched product per kv-head with its query heads packed: the fused kernel's backward pass takes
almost half of a training step at this size, and plain products under `torch.compile` make the whole step 1.6 times as
fast (4 layers, 512 tokens, 2 threads). The softmax between them is torch's own: the one that a compiled step would
write anew reads its scores four times and counts positions as it goes.

In float32, where processors without bfloat16 train, the fused kernel is as fast in short rows and faster in long ones,
since it holds no scores in memory (whole steps on AVX2: 1.2 times at 4,608 tokens, 2.2 at 8,192).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from text2json.baselines.readers.hints import Seen

NAME = "training"
BLOCK, BLOCKS = 256, 8
"""Fewest query positions attended from at once, and most blocks of a row, since each is compiled by itself.

A block reads no key after its last position, which halves the work.
"""


@torch.library.custom_op("text2json::masked_softmax", mutates_args=())
def masked_softmax(scores: Tensor, group: int) -> Tensor:
    """Return the softmax of scores (N, G * S, T) over the keys that each of the last S of T positions may see."""
    rows, packed, seen = scores.shape
    count = packed // group
    scores = scores.clone().view(rows, group, count, seen)
    scores[..., seen - count :].masked_fill_(torch.ones(count, count, dtype=torch.bool).triu(1), float("-inf"))
    return scores.view(rows, packed, seen).softmax(-1)


@masked_softmax.register_fake
def _(scores: Tensor, group: int) -> Tensor:
    return torch.empty_like(scores)


@torch.library.custom_op("text2json::masked_softmax_backward", mutates_args=())
def masked_softmax_backward(gradient: Tensor, weights: Tensor) -> Tensor:
    """Return the scores' gradient, given that of the weights."""
    return torch._softmax_backward_data(gradient, weights, -1, weights.dtype)


@masked_softmax_backward.register_fake
def _(gradient: Tensor, weights: Tensor) -> Tensor:
    return torch.empty_like(weights)


def _keep(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
    ctx.save_for_backward(output)


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
    return masked_softmax_backward(gradient.contiguous(), ctx.saved_tensors[0]), None


masked_softmax.register_autograd(_backward, setup_context=_keep)


def training_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    **_: Any,
) -> tuple[Tensor, None]:
    """Causal attention over whole right-padded rows: query (B, H_q, T, D), key and value (B, H_kv, T, D).

    Padding stands at the end of a row, so the causal mask alone hides it; `attention_mask` is not read.
    """
    query = query * scaling
    module.seen.note(module.layer_idx, query, key)
    attention = packed if torch.is_autocast_enabled("cpu") else fused
    return attention(query, key, value).transpose(1, 2), None


def fused(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attend from query (B, H_q, T, D), scaled, to key and value (B, H_kv, T, D) in torch's own kernel."""
    return nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True, scale=1.0, enable_gqa=True)


def packed(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Do what `fused` does in plain products."""
    batch, heads, length, size = query.shape
    kv_heads = key.shape[1]
    queries = query.reshape(batch * kv_heads, heads // kv_heads, length, size)
    keys = key.reshape(batch * kv_heads, length, size)
    values = value.reshape(batch * kv_heads, length, size)
    size_of_block = max(BLOCK, -(-length // BLOCKS))
    starts = range(0, length, size_of_block)
    blocks = [attend(queries[:, :, start : start + size_of_block], keys, values, start) for start in starts]
    return torch.cat(blocks, 2).view(query.shape)


def attend(query: Tensor, keys: Tensor, values: Tensor, start: int) -> Tensor:
    """Attend from query (B * H_kv, G, S, D), whose first position is `start`, to all keys up to its last position."""
    rows, group, count, size = query.shape
    seen = start + count
    scores = torch.bmm(query.reshape(rows, group * count, size), keys[:, :seen].transpose(1, 2))
    weights = masked_softmax(scores, group)
    return torch.bmm(weights, values[:, :seen]).view(query.shape)


def install(model: Any) -> None:
    """Let `model` train with `training_attention`; `model.seen` notes what its hinted layers look at."""
    model.seen = Seen()
    for layer in model.model.layers:
        layer.self_attn.seen = model.seen
    AttentionInterface.register(NAME, training_attention)
    model.config._attn_implementation = NAME


def seen(model: Any) -> Seen:
    """Return what notes where an installed model looks."""
    found: Seen = model.seen
    return found
