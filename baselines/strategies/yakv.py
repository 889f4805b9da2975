"""YAKV, accuracy form: a low-bit copy of every key as the index, 4-bit keys and values on the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.indexes import HiggsKeys
from text2json.baselines.knobs import Knob, listed
from text2json.baselines.prompt import Prompt
from text2json.baselines.quantizers.formats import HIGGS_GRIDS, higgs
from text2json.baselines.quantizers.higgs import Higgs
from text2json.baselines.sealed import Residents, Sealed, window
from text2json.baselines.stores import START, QuantizedStore
from text2json.baselines.strategy import Option, SparseStrategy


@dataclass(frozen=True)
class Yakv(SparseStrategy):
    """Each key with its position is kept on the device at 2 bits (HIGGS d = 4, n = 256, all kv-heads in one group).

    Keys without positions and values lie on the host at 4 bits (HIGGS d = 2, n = 256). A step scores every token,
    takes a softmax per query head, the maximum over the group and the top tokens per kv-head, then dequantises them
    and puts positions on the keys. The last `local` tokens and all generated ones stay exact on the device.

    The paper says 2.02 bits for the index, which is one group over all heads (preset `paper`, the default here); its
    published configuration leaves groups of 128, which is 2.125 bits (preset `code`). On the host each kv-head has
    groups of its own here, so that its tokens can be fetched alone.

    Args:
        budget: see `SparseStrategy`; the paper's 3.125 %.
        local: the paper's 64.
        index_bits: of the index: 1, 2 or 4.
        index_group: channels of the index that share a scale; 0 for all kv-heads together, up to 1024.
        signs: seed of HIGGS's random signs; -1 for none, as the published code has it.
    """

    budget: float = 0.03125
    local: int = 64
    index_bits: int = 2
    index_group: int = 0
    signs: int = -1

    name: ClassVar[str] = "yakv"
    source: ClassVar[str] = "arXiv 2604.08426, accuracy form"
    summary: ClassVar[str] = "2-bit keys select; 4-bit keys and values on the host"
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {"paper": {}, "code": {"index_group": 128}}

    def __post_init__(self) -> None:
        SparseStrategy.__post_init__(self)
        higgs(self.index_bits, 1024, self.index_group)  # refuses impossible options

    @property
    def turns_keys(self) -> bool:
        """Keys are stored without positions."""
        return True

    def quantizers(self, heads: int, size: int) -> tuple[Higgs, Higgs]:
        """Return the index's, of all kv-heads together, and the stores', of each head alone."""
        return higgs(self.index_bits, heads * size, self.index_group, self.signs), higgs(4, size, signs=self.signs)

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Quantise the prompt: once for the index, once for the stores."""
        if self.covers(prompt):
            return None
        _, heads, length, size = prompt.keys.shape
        border = max(0, length - self.local)
        index, stored = self.quantizers(heads, size)
        return Sealed(
            index=HiggsKeys.of(prompt, index, border),
            keys=QuantizedStore.keys(prompt, stored),
            values=QuantizedStore.values(prompt, stored),
            residents=Residents.at(prompt, *window(prompt, border)),
            selection=self.selection(prompt, prompt.valid[:, :border], self.counts(prompt)),
            unit=1,
        )

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return codes of every key and the window on the device; codes of keys and values on the host, and moved."""
        heads, size, tokens = geometry.heads, geometry.size, geometry.tokens
        if self.covers_tokens(tokens):
            return geometry.full
        index, stored = self.quantizers(heads, size)
        border = max(0, tokens - self.local)
        token = 2 * heads * stored.nbytes(size)
        return Footprint(
            device=border * index.nbytes(heads * size) + geometry.residents(tokens - border),
            host=tokens * token + START,
            moved=min(self.count(tokens), border) * token,
        )

    def device_knob(self, geometry: Geometry) -> Knob:
        """Return the bits of the index."""
        return listed({"index_bits": bits} for bits in sorted(HIGGS_GRIDS))
