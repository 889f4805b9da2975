"""What every quantiser does: turn the last dimension of a tensor into codes and scales, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from text2json.baselines.kernels.calls import Turn
from text2json.baselines.parts import fetch


class Quantizer(ABC):
    """Quantises the last dimension; a frozen dataclass whose fields are its options.

    What `encode` returns is all that is kept: codes as packed bytes and scales, with the leading dimensions of `x`.
    """

    @abstractmethod
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return codes (..., bytes) and scales (..., numbers) for x (..., channels)."""

    @abstractmethod
    def decode(self, codes: Tensor, scales: Tensor, channels: int) -> Tensor:
        """Return the vectors (..., channels) in float32."""

    @abstractmethod
    def nbytes(self, channels: int) -> int:
        """Return the bytes that one vector of `channels` takes, codes and scales."""

    def read(self, codes: Tensor, scales: Tensor, index: Tensor, channels: int) -> Tensor:
        """Return the vectors (B, H, S, channels) at index (B, H, S) of codes and scales (B, H, N, ..) in float32.

        Codes and scales may lie on another device than the index; what is returned lies with the index.
        """
        return self.decode(fetch(codes, index), fetch(scales, index), channels)

    def compiled_read(
        self, codes: Tensor, scales: Tensor, index: Tensor, channels: int, dtype: torch.dtype, turn: Turn | None
    ) -> Tensor | None:
        """Return the same as `dtype`, with rotary positions if a turn is given; None where no kernel serves."""
        return None

    def tensor_scale(self, x: Tensor) -> Tensor | None:
        """Return one scale (B, H, 1, 1) for all of x (B, H, N, D), by which x is divided first, if there is one."""
        return None


def grouped(x: Tensor, group: int) -> Tensor:
    """Return x (..., c) in float32 as (..., groups, group).

    The last group is filled up with copies of the last channel, which change no extreme as zeros would.
    """
    missing = -x.shape[-1] % group
    filled = torch.cat([x, x[..., -1:].expand(*x.shape[:-1], missing)], -1) if missing else x
    cut: Tensor = filled.float().unflatten(-1, (-1, group))
    return cut


def pack(codes: Tensor, bits: int) -> Tensor:
    """Return codes (..., c) below 2**bits as bytes (..., c * bits / 8), the first code in the lowest bits."""
    each = 8 // bits
    shifts = torch.arange(0, 8, bits, device=codes.device, dtype=torch.int32)
    packed: Tensor = (codes.int().unflatten(-1, (-1, each)) << shifts).sum(-1).to(torch.uint8)
    return packed


def unpack(packed: Tensor, bits: int) -> Tensor:
    """Return the codes (..., c) in bytes (..., c * bits / 8)."""
    shifts = torch.arange(0, 8, bits, device=packed.device, dtype=torch.int32)
    codes: Tensor = ((packed.int().unsqueeze(-1) >> shifts) & (2**bits - 1)).flatten(-2)
    return codes
