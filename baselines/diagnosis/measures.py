"""The figures of one layer at one step, by the formulae of docs/diagnosis.md; H kv-heads of G query heads each."""

from __future__ import annotations

import torch
from torch import Tensor

from text2json.baselines.diagnosis.exact import Exact, mixed


def overlap(weights: Tensor, selected: Tensor, candidates: Tensor) -> Tensor:
    """Return the share of what is selected that is among as many best candidates; 1 where nothing is selected.

    Equal weights may stand for each other, so that a tie at the border is no miss.

    Args:
        weights: (..., N) exact ones.
        selected: (..., N) what was chosen, all of it candidates.
        candidates: (..., N) what could be chosen.
    """
    count = selected.sum(-1, keepdim=True)
    most = max(1, int(count.max()))
    best = weights.masked_fill(~candidates, float("-inf")).topk(most, dim=-1).values
    least = best.gather(-1, (count - 1).clamp(min=0))
    above = (best > least).sum(-1, keepdim=True)
    level = (selected & (weights == least)).sum(-1, keepdim=True)
    hits = (selected & (weights > least)).sum(-1, keepdim=True) + level.minimum(count - above)
    return torch.where(count > 0, hits / count.clamp(min=1), 1.0).squeeze(-1)


def group_weights(exact: Tensor, candidates: Tensor, choosers: int) -> Tensor:
    """Return the weights (choosers, N) by which the oracle chooses among candidates (choosers, N).

    A query head that chooses for itself ranks by its own exact weights (H, G, N); a kv-head by the largest of its
    group's, each renormed over the candidates, which is the rule of the strategy `oracle`.
    """
    heads, group, length = exact.shape
    if choosers == heads * group:
        return exact.reshape(choosers, length)
    inside = exact * candidates.unsqueeze(1)
    return (inside / inside.sum(-1, keepdim=True).clamp(min=torch.finfo(inside.dtype).tiny)).amax(1)


def squared(rows: Tensor) -> Tensor:
    """Return the sum of squares over the last dimension."""
    return rows.float().square().sum(-1)


def restricted(exact: Exact, read: Tensor, values: Tensor, recent: Tensor) -> Tensor:
    """Return exact attention's output (H, G, D) over what was read (H, G, N) and all generated tokens.

    Args:
        exact: over everything.
        read: which prompt tokens count.
        values: (H, N, D) of the prompt.
        recent: (H, R, D) of generated tokens.
    """
    ours = exact.weights * read
    total = ours.sum(-1, keepdim=True) + exact.recent.sum(-1, keepdim=True)
    return (mixed(ours, values) + mixed(exact.recent, recent)) / total


def divergence(full: Tensor, other: Tensor) -> Tensor:
    """Return KL(full ‖ other) in nats of rows of logits (..., V)."""
    ours, theirs = full.float().log_softmax(-1), other.float().log_softmax(-1)
    return (ours.exp() * (ours - theirs)).sum(-1)
