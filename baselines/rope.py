"""Rotary positions: take them off a key and put them on again, with the model's own functions."""

from __future__ import annotations

import copy
import inspect
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from text2json.baselines.kernels import calls
from text2json.baselines.kernels.library import serves
from text2json.errors import ModelError

FIXED = ("default", "linear", "llama3", "yarn")
"""Kinds of rotary embedding whose frequencies never change."""
TIERED = "full_attention"
"""How an embedding that turns layers of several kinds calls those whose prompt is on tiers."""


@dataclass(frozen=True)
class Rope:
    """The model's rotary embedding, with the frequencies that it had when it was found.

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
        return cls(held(found[0]), apply)

    def rotate(self, keys: Tensor, positions: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Put positions (B, S) or (B, H, S) on keys (B, H, S, D); returns `dtype`, or else the keys' own."""
        wanted = dtype or keys.dtype
        if self.halves is not None and serves(keys, positions):
            per_head = positions if positions.dim() == 3 else positions.unsqueeze(1).expand(keys.shape[:3])
            found = calls.rotate(keys, per_head, *self.halves, wanted)
            if found is not None:
                return found
        return self._turn(keys, positions, 1).to(wanted)

    def turn(self, positions: Tensor) -> calls.Turn | None:
        """Return what a kernel needs to put positions (B, H, S) on rows, or None where the model's own must do it."""
        if self.halves is None or not serves(positions):
            return None
        return calls.Turn(positions.to(torch.int64).contiguous(), *self.halves)

    @cached_property
    def kind(self) -> tuple[str, ...]:
        """What else the embedding wants to know: nothing, or the kind of layer (Gemma 3)."""
        return (TIERED,) if "layer_type" in inspect.signature(self.embedding.forward).parameters else ()

    @cached_property
    def halves(self) -> tuple[Tensor, float] | None:
        """Frequencies and amplitude, if this is the usual embedding: position times frequency turns two channels.

        Taken for granted of no model: a few rows are turned both ways and compared.
        """
        found = getattr(self.embedding, "inv_freq", None)
        amplitude = getattr(self.embedding, "attention_scaling", None)
        kind = getattr(self.embedding, "rope_type", None)
        if not isinstance(found, Tensor) or amplitude is None or kind not in FIXED or found.device.type != "cpu":
            return None
        frequencies = found.detach().float().contiguous()
        config: Any = self.embedding.config
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        rows = torch.randn(1, 1, 5, size, generator=torch.Generator().manual_seed(0))
        positions = torch.tensor([[0, 1, 77, 3_001, 65_537]])
        turned = calls.rotate(rows, positions.unsqueeze(1), frequencies, float(amplitude), torch.float32)
        if turned is None or not torch.allclose(turned, self._turn(rows, positions, 1), rtol=1e-4, atol=1e-5):
            return None
        return frequencies, float(amplitude)

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
        cos, sin = self.embedding(rows, positions, *self.kind)
        _, turned = self.apply(rows, rows, cos, sign * sin)
        if sign < 0:
            width = cos.shape[-1]
            power = (cos[..., :1] ** 2 + sin[..., :1] ** 2).unsqueeze(1)
            turned = torch.cat([turned[..., :width] / power, turned[..., width:]], -1)
        result: Tensor = turned.reshape(batch, heads, length, size)
        return result


def held(embedding: nn.Module) -> nn.Module:
    """Return an embedding whose frequencies stay as they are now.

    Some kinds choose them anew whenever they are asked (LongRoPE, dynamic NTK), by the largest of the positions asked
    for. A few selected tokens would then be turned otherwise than the prompt that they were taken from.
    """
    kinds: Any = getattr(embedding, "rope_type", FIXED[0])
    if all(kind in FIXED for kind in (kinds.values() if isinstance(kinds, dict) else [kinds])):
        return embedding
    kept = copy.deepcopy(embedding)
    vars(kept)["rope_type"] = dict.fromkeys(kinds, FIXED[0]) if isinstance(kinds, dict) else FIXED[0]
    return kept
