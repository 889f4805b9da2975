"""YAKV, accuracy form: a low-bit copy of every key as the index, 4-bit keys and values on the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from text2json.baselines.indexes import HiggsKeys
from text2json.baselines.prompt import Prompt
from text2json.baselines.quantizers.higgs import Higgs, group_size
from text2json.baselines.sealed import Residents, Sealed, window
from text2json.baselines.stores import HiggsStore
from text2json.baselines.strategy import SparseStrategy


@dataclass(frozen=True)
class Yakv(SparseStrategy):
    """Each key with its position is kept on the device at 2 bits (HIGGS d = 4, n = 256, all kv-heads in one group).

    Keys without positions and values lie on the host at 4 bits (HIGGS d = 2, n = 256). A step scores every token,
    takes a softmax per query head, the maximum over the group and the top tokens per kv-head, then dequantises them
    and puts positions on the keys. The last `local` tokens and all generated ones stay exact on the device.

    The paper says 2.02 bits for the index, which is one group over all heads (the default here, `index_group=0`); its
    published configuration leaves groups of 128. On the host each kv-head has groups of its own here, so that its
    tokens can be fetched alone.

    Args:
        budget: see `SparseStrategy`; the paper's 3.125 %.
        local: the paper's 64.
        index_group: channels of the index that share a scale; 0 for all kv-heads together, up to 1024.
    """

    budget: float = 0.03125
    local: int = 64
    index_group: int = 0

    name: ClassVar[str] = "yakv"
    source: ClassVar[str] = "arXiv 2604.08426, accuracy form"
    summary: ClassVar[str] = "2-bit keys select; 4-bit keys and values on the host"

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Quantise the prompt: once for the index, once for the stores."""
        if self.covers(prompt):
            return None
        _, heads, length, size = prompt.keys.shape
        border = max(0, length - self.local)
        stored = Higgs(2, 256, group_size(size))
        return Sealed(
            index=HiggsKeys.of(prompt, Higgs(4, 256, group_size(heads * size, self.index_group)), border),
            keys=HiggsStore.keys(prompt, stored),
            values=HiggsStore.values(prompt, stored),
            residents=Residents.at(prompt, *window(prompt, border)),
            selection=self.selection(prompt, prompt.valid[:, :border], self.counts(prompt)),
            unit=1,
        )
