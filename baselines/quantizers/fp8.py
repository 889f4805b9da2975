"""FP8: a plain cast to E4M3, without scales, as the server of arXiv 2604.08426 stores keys and values."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from text2json.baselines.quantizers.quantizer import Quantizer

GREATEST = 448.0


@dataclass(frozen=True)
class Fp8(Quantizer):
    """One byte a channel: a sign, four bits of exponent and three of fraction (E4M3, "fn": no infinities)."""

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return codes (..., c) and scales (..., 0); what exceeds 448 becomes 448, where a bare cast gives NaN."""
        codes = x.float().clamp(-GREATEST, GREATEST).to(torch.float8_e4m3fn).view(torch.uint8)
        return codes, x.new_empty(*x.shape[:-1], 0)

    def nbytes(self, channels: int) -> int:
        """Return a byte a channel."""
        return channels

    def decode(self, codes: Tensor, scales: Tensor, channels: int) -> Tensor:
        """Return the vectors (..., channels) in float32."""
        return codes.view(torch.float8_e4m3fn).float()
