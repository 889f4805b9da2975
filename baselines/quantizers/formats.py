"""Number formats by name, as a strategy's options give them."""

from __future__ import annotations

from text2json.baselines.quantizers.fp8 import Fp8
from text2json.baselines.quantizers.higgs import Higgs, group_size
from text2json.baselines.quantizers.integer import Integer
from text2json.baselines.quantizers.nvfp4 import Nvfp4
from text2json.baselines.quantizers.quantizer import Quantizer
from text2json.errors import SpecError

FORMATS = ("int", "higgs", "fp8", "nvfp4")
HIGGS_GRIDS = {4: (2, 256), 2: (4, 256), 1: (8, 256)}
"""Bits a channel → the shipped grid whose codes fill whole bytes."""


def higgs(bits: int, channels: int, group: int = 0, signs: int = -1) -> Higgs:
    """Return the HIGGS quantiser with `bits` a channel; group 0 is all channels; signs -1 is none.

    Raises:
        SpecError: no grid has that many bits.
    """
    if bits not in HIGGS_GRIDS:
        raise SpecError(f"no HIGGS grid of {bits} bits", remedy=f"give one of {', '.join(map(str, HIGGS_GRIDS))}")
    d, n = HIGGS_GRIDS[bits]
    return Higgs(d, n, max(d, group_size(channels, group)), None if signs < 0 else signs)


def quantizer(name: str, bits: int, group: int, channels: int) -> Quantizer:
    """Return a quantiser of vectors with `channels`; FP8 and NVFP4 have their own bits and groups.

    Raises:
        SpecError: the format is unknown or impossible.
    """
    if name == "int":
        return Integer(bits, group)
    if name == "higgs":
        return higgs(bits, channels, group)
    if name == "fp8":
        return Fp8()
    if name == "nvfp4":
        return Nvfp4()
    raise SpecError(f"no number format {name!r}", remedy=f"one of: {', '.join(FORMATS)}")
