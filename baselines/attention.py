"""Attention of one position over stretches of keys and values, which are read where they lie if a kernel serves."""

from __future__ import annotations

import torch
from torch import Tensor

from text2json.baselines.kernels import calls
from text2json.baselines.kernels.calls import Stretch
from text2json.baselines.parts import take


def attend(query: Tensor, scaling: float, stretches: list[Stretch]) -> Tensor:
    """Return the attention (B, C, G, D) from query (B, C, G, D) over all stretches together.

    C are the kv-heads, with their G query heads, or all query heads where each reads tokens of its own; a stretch
    whose rows have fewer heads is shared by neighbouring ones.
    """
    found = calls.attend(query, scaling, stretches)
    if found is not None:
        return found
    choosers = query.shape[1]
    keys, values, known = [], [], []
    for stretch in stretches:
        keys.append(_spread(_rows(stretch.keys, stretch.key_places, stretch.length), choosers))
        assert isinstance(stretch.values, Tensor), "codes are for steps of nothing but kernels"
        values.append(_spread(_rows(stretch.values, stretch.value_places, stretch.length), choosers))
        every = torch.ones(query.shape[0], 1, stretch.length, dtype=torch.bool, device=query.device)
        known.append(_spread(every if stretch.known is None else stretch.known, choosers))
    scores = (query @ torch.cat(keys, 2).transpose(2, 3)).float() * scaling
    weights = scores.masked_fill(~torch.cat(known, 2).unsqueeze(2), float("-inf")).softmax(-1)
    return weights.to(query.dtype) @ torch.cat(values, 2)


def _rows(rows: Tensor, places: Tensor | None, length: int) -> Tensor:
    """Return the rows (B, H, S, D) of a stretch."""
    if places is None:
        return rows[:, :, :length]
    batch, heads, _, size = rows.shape
    return take(rows, places.reshape(batch, heads, -1)).view(*places.shape, size)


def _spread(tensor: Tensor, choosers: int) -> Tensor:
    """Repeat each head for the choosers that share it."""
    each = choosers // tensor.shape[1]
    return tensor if each == 1 else tensor.repeat_interleave(each, 1)
