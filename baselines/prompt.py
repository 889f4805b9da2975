"""A prompt's exact keys and values at the moment when they are sealed into their tiers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from text2json.baselines.rope import Rope
from text2json.errors import InputError


@dataclass(frozen=True)
class Prompt:
    """One layer's prompt.

    Attributes:
        keys: (B, H_kv, N, D), with their rotary positions.
        values: (B, H_kv, N, D).
        valid: (B, N), false at padding.
        positions: (B, N), as the model counted them.
        rope: the model's rotary embedding, made when first asked for.
        model: whose prompt it is.
        layer: which of the model's full-attention layers, counted from 0.
        queries: (B, H_q, M, D) of the prompt's last M tokens, with their positions, where the strategy asked for them.
        scaling: of q·k; None for D**-0.5.
    """

    keys: Tensor
    values: Tensor
    valid: Tensor
    positions: Tensor
    model: torch.nn.Module
    layer: int = 0
    queries: Tensor | None = None
    scaling: float | None = None

    @cached_property
    def rope(self) -> Rope:
        """The model's rotary embedding."""
        return Rope.of(self.model)

    @property
    def length(self) -> int:
        """N, padding included."""
        return self.keys.shape[2]

    @cached_property
    def tokens(self) -> Tensor:
        """(B,) prompt tokens without padding."""
        return self.valid.sum(1)

    @cached_property
    def starts(self) -> Tensor:
        """(B,) the place of each sequence's first token, from which positions count.

        Raises:
            InputError: a sequence has padding between its tokens, so that positions do not follow from places.
        """
        first = self.valid.int().argmax(1)
        places = torch.arange(self.length, device=first.device) - first.unsqueeze(1)
        if bool(((places != self.positions) & self.valid).any()):
            raise InputError("the attention mask leaves out tokens between others",
                             remedy="pad prompts at their beginning")  # fmt: skip
        return first

    @cached_property
    def plain_keys(self) -> Tensor:
        """(B, N, H_kv * D) keys of all heads side by side, without positions, zero at padding; float32."""
        keys = self.rope.unrotate(self.keys, self.positions).transpose(1, 2).flatten(2)
        return keys * self.valid.unsqueeze(-1)

    @cached_property
    def flat_keys(self) -> Tensor:
        """(B, N, H_kv * D) keys of all heads side by side, with positions."""
        return self.keys.transpose(1, 2).flatten(2)

    @cached_property
    def flat_values(self) -> Tensor:
        """(B, N, H_kv * D) values of all heads side by side."""
        return self.values.transpose(1, 2).flatten(2)


def without_padding(rows: Tensor, valid: Tensor) -> Tensor:
    """Return rows (B, H, N, D) with left padding replaced by the first token, which widens no group's range."""
    places = torch.arange(rows.shape[2], device=rows.device)
    first = valid[:, : rows.shape[2]].int().argmax(1)
    index = torch.maximum(places, first.unsqueeze(1))[:, None, :, None].expand_as(rows)
    return rows.gather(2, index)
