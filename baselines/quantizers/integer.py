"""Plain integers: each group of channels is cut into equal steps between its least and its greatest value."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from text2json.baselines.quantizers.quantizer import Quantizer, grouped, pack, unpack
from text2json.errors import SpecError

WIDTHS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Integer(Quantizer):
    """Asymmetric round-to-nearest, as KIVI has it (arXiv 2402.02750, section 3.1).

    Args:
        bits: 1, 2, 4 or 8 for each channel.
        group: channels that share a 16-bit step and a 16-bit least value.
    """

    bits: int
    group: int

    def __post_init__(self) -> None:
        if self.bits not in WIDTHS:
            raise SpecError(f"bits={self.bits} does not pack into bytes", remedy="give 1, 2, 4 or 8")
        if self.group < 1 or self.group * self.bits % 8:
            raise SpecError(f"group={self.group} of {self.bits} bits fills no whole bytes", remedy="give 32 or 64")

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return packed codes (..., padded c * bits / 8) and scales (..., 2 * groups): steps, then least values.

        Codes are rounded against the 16-bit step and least value that decoding will see.
        """
        cut = grouped(x, self.group)
        least, most = cut.amin(-1), cut.amax(-1)
        step = ((most - least) / (2**self.bits - 1)).clamp(-65504, 65504).half()
        least = least.clamp(-65504, 65504).half()
        size = step.float().clamp(min=1e-30).unsqueeze(-1)
        codes = ((cut - least.float().unsqueeze(-1)) / size).round().clamp(0, 2**self.bits - 1)
        return pack(codes.flatten(-2), self.bits), torch.cat([step, least], -1)

    def nbytes(self, channels: int) -> int:
        """Return the packed codes of the padded groups, and a step and a least value of two bytes for each."""
        groups = -(-channels // self.group)
        return groups * (self.group * self.bits // 8 + 4)

    def decode(self, codes: Tensor, scales: Tensor, channels: int) -> Tensor:
        """Return the vectors (..., channels) in float32."""
        step, least = scales.float().chunk(2, -1)
        cut: Tensor = unpack(codes, self.bits).float().unflatten(-1, (-1, self.group))
        return (cut * step.unsqueeze(-1) + least.unsqueeze(-1)).flatten(-2)[..., :channels]
