"""How scores become a ranking: rules from q·k of every query head and unit to the weights that units are picked by.

Each takes scores (B, H, G, units), scaled as the attention scales them, and `allowed` (B, H, units), and returns
weights (B, H, units) for one choice per kv-head, or (B, H * G, units) for one choice per query head. What is not
allowed weighs minus infinity.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Rule = Callable[[Tensor, Tensor], Tensor]


def softmax_max(scores: Tensor, allowed: Tensor) -> Tensor:
    """Softmax over all allowed units for each query head, then the maximum over the group: ShadowKV, YAKV."""
    masked = scores.masked_fill(~allowed.unsqueeze(2), float("-inf"))
    return masked.softmax(-1).nan_to_num().amax(2).masked_fill(~allowed, float("-inf"))


def mean(scores: Tensor, allowed: Tensor) -> Tensor:
    """Mean of the raw scores over the group, which for linear scores is the mean query's: YAKV's server, ArkVale."""
    return scores.mean(2).masked_fill(~allowed, float("-inf"))


def layer_mean(scores: Tensor, allowed: Tensor) -> Tensor:
    """Mean of the raw scores over all query heads of the layer, so that its kv-heads share one choice: ArkVale."""
    return scores.mean((1, 2)).unsqueeze(1).expand_as(allowed).masked_fill(~allowed, float("-inf"))


def each_head(scores: Tensor, allowed: Tensor) -> Tensor:
    """Raw scores of each query head, which then chooses for itself: Quest, LRQK, InfiniGen."""
    return scores.masked_fill(~allowed.unsqueeze(2), float("-inf")).flatten(1, 2)
