"""Training attention for CPUs: one batched product per kv-head with its query heads packed.

On a CPU the fused kernel's backward pass takes almost half of a training step at this size; plain products under
`torch.compile` make the whole step 1.6 times as fast (4 layers, 512 tokens, 2 threads). The softmax between them is
torch's own: the one that a compiled step would write anew reads its scores four times and counts positions as it goes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface

from text2json.baselines.readers.hints import Seen

NAME = "packed_training"
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


def packed_attention(
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
    batch, heads, length, size = query.shape
    kv_heads = key.shape[1]
    group = heads // kv_heads
    packed = query.reshape(batch * kv_heads, group, length, size)
    keys = key.reshape(batch * kv_heads, length, size)
    values = value.reshape(batch * kv_heads, length, size)
    size_of_block = max(BLOCK, -(-length // BLOCKS))
    starts = range(0, length, size_of_block)
    blocks = [attend(packed[:, :, start : start + size_of_block], keys, values, start) for start in starts]
    return torch.cat(blocks, 2).view(batch, heads, length, size).transpose(1, 2), None


def attend(query: Tensor, keys: Tensor, values: Tensor, start: int) -> Tensor:
    """Attend from query (B * H_kv, G, S, D), whose first position is `start`, to all keys up to its last position."""
    rows, group, count, size = query.shape
    seen = start + count
    scores = torch.bmm(query.reshape(rows, group * count, size), keys[:, :seen].transpose(1, 2))
    weights = masked_softmax(scores, group)
    return torch.bmm(weights, values[:, :seen]).view(query.shape)


def install(model: Any) -> None:
    """Let `model` train with `packed_attention`; `model.seen` notes what its hinted layers look at."""
    model.seen = Seen()
    for layer in model.model.layers:
        layer.self_attn.seen = model.seen
    AttentionInterface.register(NAME, packed_attention)
    model.config._attn_implementation = NAME


def seen(model: Any) -> Seen:
    """Return what notes where an installed model looks."""
    found: Seen = model.seen
    return found
