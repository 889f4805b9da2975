"""A full cache at a few bits: everything stays on the device, nothing is selected, nothing moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.knobs import Knob, listed
from text2json.baselines.prompt import Prompt, without_padding
from text2json.baselines.quantizers.formats import FORMATS, HIGGS_GRIDS, quantizer
from text2json.baselines.quantizers.integer import WIDTHS
from text2json.baselines.quantizers.quantizer import Quantizer
from text2json.baselines.sealed import Residents, Sealed, Selection, window
from text2json.baselines.stores import ChannelQuantizedStore, QuantizedStore, Store
from text2json.baselines.strategy import Option, Strategy
from text2json.errors import SpecError

TOP = 4
"""Bytes of the one scale that NVFP4 has for a head's keys or values."""


@dataclass(frozen=True)
class Quantized(Strategy):
    """KIVI: keys in integers per channel, over groups of tokens; values in integers per token; a recent window exact.

    A channel of the keys that is large is large at all tokens, so that it gets scales of its own. The other formats
    (HIGGS, FP8, NVFP4) quantise keys and values alike, token by token.

    KIVI keeps its last 128 values exact and between 0 and 127 keys; here keys and values share one border, `local`
    tokens from the end, rounded so that the groups of tokens are full. KIVI goes on to quantise what is generated;
    here, as in every strategy, generated tokens stay exact. Presets: `kivi-2` (the default) and `kivi-4`, its two
    widths.

    Args:
        format: int, higgs, fp8 or nvfp4.
        bits: of int 1, 2, 4 or 8; of higgs 1, 2 or 4; the others have their own.
        group: channels or tokens that share a scale; of higgs 0 for the whole vector; fp8 and nvfp4 have their own.
        local: the last tokens, exact.
    """

    format: str = "int"
    bits: int = 2
    group: int = 32
    local: int = 128

    name: ClassVar[str] = "quantized"
    source: ClassVar[str] = "KIVI, arXiv 2402.02750, section 3"
    summary: ClassVar[str] = "keys and values at a few bits on the device, all of them read"
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {"kivi-2": {}, "kivi-4": {"bits": 4}}
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {"format": FORMATS}

    def __post_init__(self) -> None:
        quantizer(self.format, self.bits, self.group, 128)  # refuses impossible options
        if self.local < 0:
            raise SpecError(f"quantized: local={self.local} is negative", remedy="give a number of tokens")

    def border(self, length: int) -> int:
        """Return how many first tokens of a prompt of `length` are quantised."""
        whole = self.group if self.format == "int" else 1
        return max(0, (length - self.local) // whole * whole)

    def by_token(self, size: int) -> Quantizer:
        """Return the quantiser of one head's vector, whose groups end with the vector."""
        return quantizer(self.format, self.bits, min(self.group, -(-size // 8) * 8), size)

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Quantise what lies before the window, in place."""
        border = self.border(prompt.length)
        if border <= 0:
            return None
        keys, values = (without_padding(rows[:, :, :border], prompt.valid) for rows in (prompt.keys, prompt.values))
        by_token = self.by_token(keys.shape[3])
        by_channel = quantizer(self.format, self.bits, self.group, border)
        stored: Store = (
            ChannelQuantizedStore.of("device", "keys", keys, by_channel)
            if self.format == "int"
            else QuantizedStore.of("device", "keys", keys, by_token)
        )
        allowed = prompt.valid[:, :border].unsqueeze(1).expand(-1, keys.shape[1], -1)
        return Sealed(
            index=None,
            keys=stored,
            values=QuantizedStore.of("device", "values", values, by_token),
            residents=Residents.at(prompt, *window(prompt, border)),
            selection=Selection("device", "selection", allowed, prompt.tokens, prompt.valid),
            unit=1,
        )

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return keys by channel and values by token on the device, and the window."""
        border, size = self.border(geometry.tokens), geometry.size
        if border <= 0:
            return geometry.full
        values = border * self.by_token(size).nbytes(size)
        keys = size * quantizer("int", self.bits, self.group, border).nbytes(border) if self.format == "int" else values
        scales = 2 * TOP if self.format == "nvfp4" else 0
        return Footprint(geometry.heads * (keys + values + scales) + geometry.residents(geometry.tokens - border))

    def device_knob(self, geometry: Geometry) -> Knob | None:
        """Return the bits, where the format leaves them open."""
        open_bits = {"int": WIDTHS, "higgs": tuple(sorted(HIGGS_GRIDS))}.get(self.format)
        return None if open_bits is None else listed({"bits": bits} for bits in open_bits)
