"""Exact attention of one query over a whole prompt, piece by piece, so that 32K tokens need little memory beside it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PIECE = 4096
"""Tokens whose keys or values are held in float32 at once."""


@dataclass(frozen=True)
class Exact:
    """Exact attention of one layer's query, float32.

    Args:
        weights: (H, G, N) softmax over prompt and generated tokens, the prompt's part.
        recent: (H, G, R) the generated tokens' part.
        output: (H, G, D).
    """

    weights: Tensor
    recent: Tensor
    output: Tensor


def attend(query: Tensor, scaling: float, prompt: tuple[Tensor, Tensor], recent: tuple[Tensor, Tensor]) -> Exact:
    """Attend from query (H, G, D) to keys and values (H, N, D) of the prompt and (H, R, D) of generated tokens."""
    query = query.float()
    scores = torch.cat([products(query, prompt[0]), products(query, recent[0])], 2) * scaling
    weights = scores.softmax(-1)
    length = prompt[0].shape[1]
    ours, theirs = weights[..., :length], weights[..., length:]
    return Exact(ours, theirs, mixed(ours, prompt[1]) + mixed(theirs, recent[1]))


def products(query: Tensor, keys: Tensor) -> Tensor:
    """Return q·k, (H, G, N)."""
    return torch.cat([query @ piece.float().mT for piece in keys.split(PIECE, 1)], 2)


def mixed(weights: Tensor, values: Tensor) -> Tensor:
    """Return the sum of values (H, N, D) under weights (H, G, N)."""
    total = weights.new_zeros(*weights.shape[:2], values.shape[2])
    for share, piece in zip(weights.split(PIECE, 2), values.split(PIECE, 1), strict=True):
        total += share @ piece.float()
    return total
