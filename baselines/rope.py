"""Rotary positions: take them off a key and put them on again, with the model's own functions."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from text2json.errors import ModelError


@dataclass(frozen=True)
class Rope:
    """The model's rotary embedding.

    Args:
        embedding: the module that turns positions into cosines and sines.
        apply: the model's `apply_rotary_pos_emb`.
    """

    embedding: nn.Module
    apply: Any

    @classmethod
    def of(cls, model: nn.Module) -> Rope:
        """Find the rotary embedding of a model.

        Raises:
            ModelError: the model has none, or applies it in a way of its own.
        """
        found = [module for name, module in model.named_modules() if name.endswith("rotary_emb")]
        home = sys.modules[type(model).__module__]
        apply = getattr(home, "apply_rotary_pos_emb", None)
        if len(found) != 1 or apply is None:
            raise ModelError(
                f"{type(model).__name__} has no single rotary embedding to take off its keys",
                remedy="use a strategy that keeps keys with their positions, such as oracle",
            )
        return cls(found[0], apply)

    def rotate(self, keys: Tensor, positions: Tensor) -> Tensor:
        """Put positions (B, S) or (B, H, S) on keys (B, H, S, D); returns the keys' dtype."""
        return self._turn(keys, positions, 1).to(keys.dtype)

    def unrotate(self, keys: Tensor, positions: Tensor) -> Tensor:
        """Take positions (B, S) off keys (B, H, S, D); returns float32.

        Turned back by the negative angle, and divided by cos² + sin², which is not 1 where a model scales its
        embedding (YaRN).
        """
        return self._turn(keys, positions, -1)

    def _turn(self, keys: Tensor, positions: Tensor, sign: int) -> Tensor:
        batch, heads, length, size = keys.shape
        rows = keys.float()
        if positions.dim() == 3:
            rows = rows.reshape(batch * heads, 1, length, size)
            positions = positions.reshape(batch * heads, length)
        cos, sin = self.embedding(rows, positions)
        _, turned = self.apply(rows, rows, cos, sign * sin)
        if sign < 0:
            width = cos.shape[-1]
            power = (cos[..., :1] ** 2 + sin[..., :1] ** 2).unsqueeze(1)
            turned = torch.cat([turned[..., :width] / power, turned[..., width:]], -1)
        result: Tensor = turned.reshape(batch, heads, length, size)
        return result
