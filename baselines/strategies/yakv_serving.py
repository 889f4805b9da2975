"""YAKV, serving form: the algorithm of the paper's server, which is another one than its accuracy experiments ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.indexes import ExactKeys, HiggsKeys, Index, QuantizedKeys
from text2json.baselines.knobs import Knob, Setting, listed
from text2json.baselines.prompt import Prompt
from text2json.baselines.quantizers.formats import HIGGS_GRIDS, higgs
from text2json.baselines.quantizers.fp8 import Fp8
from text2json.baselines.rules import mean
from text2json.baselines.sealed import Residents, Sealed
from text2json.baselines.stores import ExactStore, QuantizedStore, Store
from text2json.baselines.strategy import Option, SparseStrategy, share_of
from text2json.errors import SpecError


@dataclass(frozen=True)
class YakvServing(SparseStrategy):
    """The mean query of the group, dotted with 2-bit keys, picks tokens of the prompt's middle; no softmax.

    The index is YAKV's (HIGGS d = 4, n = 256, all kv-heads in one group), or FP8 or exact keys. Keys with their
    positions and values lie on the host in FP8 (a plain cast) or as the model made them. The first and the last
    0.625 % of the prompt and all generated tokens are always read; a prompt below 512 tokens stays whole.

    The accuracy form (`yakv`) takes a softmax for each query head and the maximum over the group instead, stores 4-bit
    keys without positions, and has no sinks: the two can select different tokens. The server keeps first and last
    tokens on the host with the rest and gathers them at every step; here they are residents on the device, exact.
    Preset `server` (the default) is the server's launch configuration, `classes` the defaults of its classes.

    Args:
        budget: see `SparseStrategy`.
        local: tokens at the end that are resident whatever `suffix` is.
        prefix: the share of the prompt's tokens at its beginning that is always read.
        suffix: the same at its end.
        least: prompts with fewer tokens stay whole.
        store: fp8 or exact.
        landmarks: higgs, fp8 or exact.
        index_bits: of higgs landmarks: 1, 2 or 4.
    """

    budget: float = 0.015625
    local: int = 0
    prefix: float = 0.00625
    suffix: float = 0.00625
    least: int = 512
    store: str = "fp8"
    landmarks: str = "higgs"
    index_bits: int = 2

    name: ClassVar[str] = "yakv-serving"
    source: ClassVar[str] = "arXiv 2604.08426, its inference server"
    summary: ClassVar[str] = "2-bit keys and the group's mean query select; FP8 keys and values on the host"
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {
        "server": {},
        "classes": {"prefix": 0.006125, "suffix": 0.125, "budget": 0.06125},
    }
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "store": ("fp8", "exact"),
        "landmarks": ("higgs", "fp8", "exact"),
    }

    def __post_init__(self) -> None:
        SparseStrategy.__post_init__(self)
        if not (0 <= self.prefix < 1 and 0 <= self.suffix < 1):
            raise SpecError("yakv-serving: prefix and suffix are shares of the prompt", remedy="give 0 up to below 1")
        higgs(self.index_bits, 1024)  # refuses impossible options

    def ends(self, tokens: int) -> tuple[int, int]:
        """Return how many first and last tokens of a prompt of `tokens` are always read."""
        return int(tokens * self.prefix), max(int(tokens * self.suffix), share_of(self.local, tokens))

    def residents(self, prompt: Prompt) -> Tensor:
        """Return (B, N) the first and last tokens of each row, padding left out."""
        tokens = prompt.tokens.unsqueeze(1)
        first, last = prompt.tokens.new_tensor([self.ends(count) for count in prompt.tokens.tolist()]).T.unsqueeze(2)
        rank = prompt.valid.long().cumsum(1)
        kept: Tensor = prompt.valid & ((rank <= first) | (rank > tokens - last))
        return kept

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Quantise the prompt; keep its first and last tokens exact on the device."""
        resident = self.residents(prompt)
        allowed = prompt.valid & ~resident
        short = prompt.tokens < self.least
        if bool((short | (self.counts(prompt) >= allowed.sum(1))).all()):
            return None
        counts = torch.where(short, prompt.length, self.counts(prompt))
        last = int(allowed.any(0).nonzero().max()) + 1
        return Sealed(
            index=self.index(prompt, last),
            keys=self.stored("keys", prompt.keys[:, :, :last]),
            values=self.stored("values", prompt.values[:, :, :last]),
            residents=Residents.where(prompt, resident.unsqueeze(1).expand(-1, prompt.keys.shape[1], -1)),
            selection=self.selection(prompt, allowed[:, :last], counts, mean),
            unit=1,
        )

    def index(self, prompt: Prompt, tokens: int) -> Index:
        """Return the index over the first `tokens` tokens."""
        if self.landmarks == "exact":
            return ExactKeys("device", "index", prompt.keys[:, :, :tokens].contiguous())
        if self.landmarks == "fp8":
            return QuantizedKeys.of(prompt, Fp8(), tokens)
        _, heads, _, size = prompt.keys.shape
        return HiggsKeys.of(prompt, higgs(self.index_bits, heads * size), tokens)

    def stored(self, purpose: str, rows: Tensor) -> Store:
        """Put rows (B, H, N, D) on the host."""
        if self.store == "exact":
            return ExactStore("host", purpose, rows.contiguous())
        return QuantizedStore.of("host", purpose, rows, Fp8())

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return landmarks of all but the last tokens and both ends on the device, the same tokens on the host."""
        heads, size, tokens = geometry.heads, geometry.size, geometry.tokens
        first, last = self.ends(tokens)
        middle = max(0, tokens - first - last)
        if tokens < self.least or self.count(tokens) >= middle:
            return geometry.full
        channels = heads * size
        widths = {
            "higgs": higgs(self.index_bits, channels).nbytes(channels),
            "fp8": channels,
            "exact": channels * geometry.element,
        }
        token = 2 * channels * (1 if self.store == "fp8" else geometry.element)
        device = (tokens - last) * widths[self.landmarks] + geometry.residents(first + last)
        return Footprint(device, (tokens - last) * token, self.count(tokens) * token)

    def device_knob(self, geometry: Geometry) -> Knob:
        """Return the precision of the landmarks."""
        codes: list[Setting] = [{"landmarks": "higgs", "index_bits": bits} for bits in sorted(HIGGS_GRIDS)]
        return listed([*codes, {"landmarks": "fp8"}, {"landmarks": "exact"}])
