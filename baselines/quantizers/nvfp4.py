"""NVFP4: 4-bit floats E2M1 in blocks of 16 channels, each with an E4M3 scale, under one scale for the tensor."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from text2json.baselines.quantizers.fp8 import GREATEST
from text2json.baselines.quantizers.quantizer import Quantizer, grouped, pack, unpack

LEVELS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""What three bits of E2M1 stand for; the fourth is the sign."""


@dataclass(frozen=True)
class Nvfp4(Quantizer):
    """4.5 bits a channel: the block's greatest value lands on 6 (NVIDIA's NVFP4; used in arXiv 2604.08426)."""

    block: int = 16

    def tensor_scale(self, x: Tensor) -> Tensor:
        """Return what brings the greatest block scale of x (B, H, N, D) to 448, the top of E4M3."""
        return (x.float().abs().amax((2, 3), keepdim=True) / (LEVELS[-1] * GREATEST)).clamp(min=1e-30)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return packed codes (..., padded c / 2) and block scales (..., blocks) as the bytes of E4M3."""
        cut = grouped(x, self.block)
        scales = (cut.abs().amax(-1) / LEVELS[-1]).clamp(max=GREATEST).to(torch.float8_e4m3fn)
        unit = cut / scales.float().clamp(min=1e-30).unsqueeze(-1)
        levels = unit.new_tensor(LEVELS)
        places = torch.bucketize(unit.abs(), (levels[1:] + levels[:-1]) / 2)
        codes = places + 8 * (unit < 0)
        return pack(codes.flatten(-2), 4), scales.view(torch.uint8)

    def nbytes(self, channels: int) -> int:
        """Return half a byte a channel of the padded blocks, and a byte of scale for each."""
        blocks = -(-channels // self.block)
        return blocks * (self.block // 2 + 1)

    def decode(self, codes: Tensor, scales: Tensor, channels: int) -> Tensor:
        """Return the vectors (..., channels) in float32."""
        signed = torch.tensor([*LEVELS, *(-level for level in LEVELS)], device=codes.device)
        cut: Tensor = signed[unpack(codes, 4).long()].unflatten(-1, (-1, self.block))
        return (cut * scales.view(torch.float8_e4m3fn).float().unsqueeze(-1)).flatten(-2)[..., :channels]
