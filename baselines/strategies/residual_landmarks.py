"""YAKV with a smaller index: a 4-bit mean for each chunk of keys and a 1-bit difference for each key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.indexes import ResidualKeys
from text2json.baselines.knobs import Knob, listed
from text2json.baselines.prompt import Prompt
from text2json.baselines.quantizers.formats import HIGGS_GRIDS, higgs
from text2json.baselines.quantizers.higgs import Higgs
from text2json.baselines.sealed import Residents, Sealed, window
from text2json.baselines.stores import START, QuantizedStore
from text2json.baselines.strategy import Option, SparseStrategy
from text2json.errors import SpecError


@dataclass(frozen=True)
class ResidualLandmarks(SparseStrategy):
    """The mean of 8 consecutive keys at 4 bits (HIGGS d = 2) plus each key's difference at 1 bit (d = 8): 1.5 bits.

    All else is YAKV's accuracy form: softmax per query head, maximum over the group, top tokens, 4-bit keys without
    positions and values on the host. The paper says that 1.5 bits so select about as well as 2 bits plain. It leaves
    open what the difference is taken from; here it is the mean as stored.

    Args:
        budget: see `SparseStrategy`; YAKV's 3.125 %.
        local: YAKV's 64.
        chunk: keys in a mean.
        mean_bits: of the means: 1, 2 or 4.
        residual_bits: of the differences: 1, 2 or 4.
        index_group: channels of the index that share a scale; 0 for all kv-heads together, up to 1024.
        signs: seed of HIGGS's random signs; -1 for none.
    """

    budget: float = 0.03125
    local: int = 64
    chunk: int = 8
    mean_bits: int = 4
    residual_bits: int = 1
    index_group: int = 0
    signs: int = -1

    name: ClassVar[str] = "residual-landmarks"
    source: ClassVar[str] = "arXiv 2604.08426, ablation of the index"
    summary: ClassVar[str] = "means at 4 bits and differences at 1 select; 4-bit keys and values on the host"
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {"paper": {}, "code": {"index_group": 128}}

    def __post_init__(self) -> None:
        SparseStrategy.__post_init__(self)
        if self.chunk < 1:
            raise SpecError(f"{self.name}: chunk={self.chunk} holds no token", remedy="give 1 or more; the paper has 8")
        for bits in (self.mean_bits, self.residual_bits):
            higgs(bits, 128, self.index_group)  # refuses impossible options

    @property
    def turns_keys(self) -> bool:
        """Keys are stored without positions."""
        return True

    def quantizers(self, heads: int, size: int) -> tuple[Higgs, Higgs, Higgs]:
        """Return the means' and the differences', of all kv-heads together, and the stores', of each head alone."""
        mean, residual = (
            higgs(bits, heads * size, self.index_group, self.signs) for bits in (self.mean_bits, self.residual_bits)
        )
        return mean, residual, higgs(4, size, signs=self.signs)

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Quantise the prompt: means and differences for the index, each token for the stores."""
        if self.covers(prompt):
            return None
        _, heads, length, size = prompt.keys.shape
        border = max(0, length - self.local)
        mean, residual, stored = self.quantizers(heads, size)
        return Sealed(
            index=ResidualKeys.of(prompt, mean, residual, self.chunk, border),
            keys=QuantizedStore.keys(prompt, stored),
            values=QuantizedStore.values(prompt, stored),
            residents=Residents.at(prompt, *window(prompt, border)),
            selection=self.selection(prompt, prompt.valid[:, :border], self.counts(prompt)),
            unit=1,
        )

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return YAKV's, with means and differences in place of its index."""
        heads, size, tokens = geometry.heads, geometry.size, geometry.tokens
        if self.covers_tokens(tokens):
            return geometry.full
        mean, residual, stored = self.quantizers(heads, size)
        border = max(0, tokens - self.local)
        index = -(-border // self.chunk) * mean.nbytes(heads * size) + border * residual.nbytes(heads * size)
        token = 2 * heads * stored.nbytes(size)
        moved = min(self.count(tokens), border) * token
        return Footprint(index + geometry.residents(tokens - border), tokens * token + START, moved)

    def device_knob(self, geometry: Geometry) -> Knob:
        """Return the bits of means and differences."""
        pairs = [(mean, residual) for mean in HIGGS_GRIDS for residual in HIGGS_GRIDS]
        pairs.sort(key=lambda pair: pair[0] / self.chunk + pair[1])
        return listed({"mean_bits": mean, "residual_bits": residual} for mean, residual in pairs)
