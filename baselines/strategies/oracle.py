"""The oracle: selection by the exact keys, the upper bound of every selector at the same budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.indexes import ExactKeys
from text2json.baselines.prompt import Prompt
from text2json.baselines.sealed import Residents, Sealed, window
from text2json.baselines.stores import ExactStore, IndexedKeys
from text2json.baselines.strategy import SparseStrategy


@dataclass(frozen=True)
class Oracle(SparseStrategy):
    """Exact keys as the index, softmax per query head, maximum over the group, top tokens per kv-head.

    Its keys stand on the device, where they serve as index and as keys; its values are fetched from the host at full
    precision. It saves half of the device bytes and shows what perfect selection keeps.
    """

    budget: float = 0.03125
    local: int = 64

    name: ClassVar[str] = "oracle"
    source: ClassVar[str] = "exact top-k; the bound used in arXiv 2604.08426"
    summary: ClassVar[str] = "exact keys select; values on the host at full precision"
    reference: ClassVar[bool] = True

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Keep keys on the device and values on the host."""
        if self.covers(prompt):
            return None
        border = max(0, prompt.length - self.local)
        index = ExactKeys("device", "index", prompt.keys[:, :, :border].contiguous())
        return Sealed(
            index=index,
            keys=IndexedKeys("device", "keys", index),
            values=ExactStore("host", "values", prompt.values[:, :, :border].contiguous()),
            residents=Residents.at(prompt, *window(prompt, border)),
            selection=self.selection(prompt, prompt.valid[:, :border], self.counts(prompt)),
            unit=1,
        )

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return exact keys on the device, exact values on the host, the selected values moved."""
        if self.covers_tokens(geometry.tokens):
            return geometry.full
        border = max(0, geometry.tokens - self.local)
        rows = geometry.heads * border * geometry.row
        moved = geometry.heads * min(self.count(geometry.tokens), border) * geometry.row
        return Footprint(rows + geometry.residents(geometry.tokens - border), rows, moved)
