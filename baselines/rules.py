"""How scores become a ranking: rules from q·k of every query head and unit to the weights that units are picked by.

Each takes scores (B, H, G, units) in float32, `allowed` (B, H, units) and the factor by which the attention scales
scores, and returns weights (B, H, units) for one choice per kv-head, or (B, H * G, units) for one choice per query
head. What is not allowed weighs minus infinity.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from text2json.baselines.kernels import calls

Rule = Callable[[Tensor, Tensor, float], Tensor]


def softmax_max(scores: Tensor, allowed: Tensor, scaling: float) -> Tensor:
    """Softmax over all allowed units for each query head, then the maximum over the group: ShadowKV, YAKV.

    Weights are the logarithms, which rank alike and keep apart what would underflow to the same zero.
    """
    found = calls.softmax_max(scores, allowed, scaling)
    if found is not None:
        return found
    masked = (scores * scaling).masked_fill(~allowed.unsqueeze(2), float("-inf"))
    return (masked - masked.logsumexp(-1, keepdim=True)).amax(2).masked_fill(~allowed, float("-inf"))


def mean(scores: Tensor, allowed: Tensor, scaling: float) -> Tensor:
    """Mean of the raw scores over the group, which for linear scores is the mean query's: YAKV's server, ArkVale."""
    found = calls.plain_rank(scores, allowed, scaling, each=False)
    if found is not None:
        return found
    return (scores.mean(2) * scaling).masked_fill(~allowed, float("-inf"))


def layer_mean(scores: Tensor, allowed: Tensor, scaling: float) -> Tensor:
    """Mean of the raw scores over all query heads of the layer, so that its kv-heads share one choice: ArkVale."""
    shared = scores.mean((1, 2)) * scaling
    return shared.unsqueeze(1).expand_as(allowed).masked_fill(~allowed, float("-inf"))


def each_head(scores: Tensor, allowed: Tensor, scaling: float) -> Tensor:
    """Raw scores of each query head, which then chooses for itself: Quest, LRQK, InfiniGen."""
    found = calls.plain_rank(scores, allowed, scaling, each=True)
    if found is not None:
        return found
    return (scores * scaling).masked_fill(~allowed.unsqueeze(2), float("-inf")).flatten(1, 2)


CHAINED = (softmax_max, mean, each_head)
"""Rules that are one kernel, where kernels serve."""


def largest(weights: Tensor, counts: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Return the places (B, H, most) of the largest weights, ascending, and which of them count.

    Of equal weights the first ones are taken, on every path. What weighs minus infinity is never taken; neither is
    what is no number.

    Args:
        weights: (B, H, units).
        counts: (B,) how many to take in each sequence.
        most: the largest of them, at most the number of units.
    """
    found = calls.pick(weights, counts, most)
    if found is not None:
        return found
    real = weights.masked_fill(weights.isnan(), float("-inf"))
    wanted = counts.clamp(max=most).view(-1, 1, 1)
    if most == 0:
        return weights.new_zeros(*weights.shape[:2], 0, dtype=torch.long), weights[..., :0] > 0
    border = real.topk(most, -1).values.gather(2, (wanted - 1).clamp(min=0).expand(-1, weights.shape[1], 1))
    above, equal = real > border, (real == border) & (border > float("-inf"))
    picked = above | (equal & (equal.cumsum(-1) <= wanted - above.sum(-1, keepdim=True)))
    slots = picked.cumsum(-1).sub(1).masked_fill(~picked, most)
    everywhere = torch.arange(weights.shape[2], device=weights.device).expand_as(slots)
    places = slots.new_zeros(*weights.shape[:2], most + 1).scatter(2, slots, everywhere)[..., :most]
    return places.contiguous(), torch.arange(most, device=weights.device) < picked.sum(-1, keepdim=True)
