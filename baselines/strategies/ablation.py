"""Ablations: any index, any stores, each chosen alone, so that one of them can be varied while the rest stays exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.indexes import ChunkMeans, HiggsKeys, Index, QuantizedKeys
from text2json.baselines.parts import Tier
from text2json.baselines.prompt import Prompt
from text2json.baselines.quantizers.formats import HIGGS_GRIDS, higgs, quantizer
from text2json.baselines.quantizers.integer import Integer
from text2json.baselines.sealed import Residents, Sealed, window
from text2json.baselines.stores import START, ExactStore, LowRankKeys, QuantizedStore, Store
from text2json.baselines.strategy import Option, SparseStrategy
from text2json.errors import SpecError

BITS = (1, 2, 4, 8, 16)
FORMATS = ("exact", "higgs", "int", "fp8", "nvfp4")


@dataclass(frozen=True)
class Ablation(SparseStrategy):
    """The parts of the published methods, put together freely; it is an instrument and no method of its own.

    With `index=means` the mean key of each chunk, at a number of bits a channel, selects chunks by softmax for each
    query head and the maximum over the group. Chunks of 1 at 16 bits are the oracle; chunks of 8 at 16 bits are
    ShadowKV's landmarks; chunks of 1 at 2 bits are YAKV's index. With `index=none` everything is read, and nothing but
    the stores can lose.

    1, 2 and 4 bits are HIGGS with all kv-heads in one group, 8 bits are integers with a range for each head's vector,
    16 bits are the mean as it is. Keys that are low-rank or HIGGS are stored without positions, as in the methods.

    Args:
        budget: see `SparseStrategy`; rounded down to whole chunks.
        local: the last tokens, always exact.
        index: means or none.
        chunk: keys in a mean, and tokens that are selected together.
        bits: of a mean: 1, 2, 4, 8 or 16.
        keys: exact, low-rank, higgs, int, fp8 or nvfp4.
        rank: of low-rank keys; up to 1 a share of the key channels H_kv * D.
        key_bits: of higgs (1, 2 or 4) and int (1, 2, 4 or 8) keys.
        values: exact, higgs, int, fp8 or nvfp4.
        value_bits: as `key_bits`.
    """

    budget: float = 0.125
    local: int = 16
    index: str = "means"
    chunk: int = 1
    bits: int = 16
    keys: str = "exact"
    rank: float = 0.15625
    key_bits: int = 4
    values: str = "exact"
    value_bits: int = 4

    name: ClassVar[str] = "ablation"
    source: ClassVar[str] = "ablations of arXiv 2604.08426"
    summary: ClassVar[str] = "any index with any stores, to vary one part alone"
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {
        "oracle": {},
        "landmarks": {"chunk": 8},
        "low-rank": {"index": "none", "keys": "low-rank"},
    }
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "index": ("means", "none"),
        "keys": (*FORMATS, "low-rank"),
        "values": FORMATS,
    }

    def __post_init__(self) -> None:
        SparseStrategy.__post_init__(self)
        if self.chunk < 1:
            raise SpecError(f"ablation: chunk={self.chunk} holds no token", remedy="give 1 or more")
        if self.bits not in BITS:
            raise SpecError(f"ablation: bits={self.bits}", remedy=f"give one of {', '.join(map(str, BITS))}")
        if not self.rank > 0:
            raise SpecError(f"ablation: rank={self.rank} keeps nothing", remedy="give a share up to 1 or a whole rank")
        for form, bits in ((self.keys, self.key_bits), (self.values, self.value_bits)):
            if form not in ("exact", "low-rank"):
                quantizer(form, bits, 0 if form == "higgs" else 64, 64)  # refuses impossible options

    @property
    def turns_keys(self) -> bool:
        """Low-rank and HIGGS keys are stored without positions."""
        return self.keys in ("low-rank", "higgs")

    @property
    def unit(self) -> int:
        """A chunk, or a token where everything is read."""
        return self.chunk if self.index == "means" else 1

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Make the index and the stores that were asked for."""
        border = max(0, prompt.length - self.local) // self.unit * self.unit
        selects = self.index == "means"
        if border == 0 or (selects and self.covers(prompt)):
            return None
        chunks = border // self.unit
        tier: Tier = "host" if selects else "device"
        return Sealed(
            index=self.means(prompt, chunks) if selects else None,
            keys=self.stored_keys(prompt, tier, border),
            values=self.stored(tier, "values", prompt.values[:, :, :border], self.values, self.value_bits),
            residents=Residents.at(prompt, *window(prompt, border)),
            selection=self.selection(
                prompt,
                prompt.valid[:, :border].unflatten(1, (chunks, self.unit)).any(2),
                self.counts(prompt),
            ),
            unit=self.unit,
        )

    def means(self, prompt: Prompt, chunks: int) -> Index:
        """Return the index over the first `chunks` chunks."""
        exact = ChunkMeans.of(prompt, self.chunk, chunks)
        if self.bits == 16:
            return exact
        if self.bits not in HIGGS_GRIDS:
            form = Integer(self.bits, exact.means.shape[3])
            return QuantizedKeys("device", "index", *form.encode(exact.means), form)
        rows = exact.means.transpose(1, 2).flatten(2)
        return HiggsKeys.of_rows(rows, higgs(self.bits, rows.shape[2]))

    def stored_keys(self, prompt: Prompt, tier: Tier, border: int) -> Store:
        """Return the store of the first `border` keys."""
        if self.keys == "low-rank":
            channels = prompt.keys.shape[1] * prompt.keys.shape[3]
            return LowRankKeys.of(prompt, self.key_rank(channels, prompt.length))
        if self.keys == "higgs":
            store = QuantizedStore.keys(prompt, higgs(self.key_bits, prompt.keys.shape[3]))
            store.tier = tier
            return store
        return self.stored(tier, "keys", prompt.keys[:, :, :border], self.keys, self.key_bits)

    def stored(self, tier: Tier, purpose: str, rows: torch.Tensor, form: str, bits: int) -> Store:
        """Return the store of rows (B, H, N, D) in a format."""
        if form == "exact":
            return ExactStore(tier, purpose, rows.contiguous())
        size = rows.shape[3]
        return QuantizedStore.of(tier, purpose, rows, quantizer(form, bits, 0 if form == "higgs" else size, size))

    def key_rank(self, channels: int, length: int) -> int:
        """Return the rank of low-rank keys (length, channels)."""
        rank = round(self.rank * channels) if self.rank <= 1 else int(self.rank)
        return min(channels, length, max(1, rank))

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return the sum of the parts; stores lie on the device where there is no index."""
        tokens, heads = geometry.tokens, geometry.heads
        border = max(0, tokens - self.local) // self.unit * self.unit
        selects = self.index == "means"
        if border == 0 or (selects and self.covers_tokens(tokens)):
            return geometry.full
        keys, moved_key = self.key_bytes(geometry, border)
        value = self.row_bytes(geometry, self.values, self.value_bits)
        device = geometry.residents(tokens - border)
        if not selects:
            return Footprint(device + keys + heads * border * value)
        low_rank = self.keys == "low-rank"
        moved = min(self.count(tokens) * self.chunk, border) * heads * (moved_key + value)
        index = border // self.chunk * self.mean_bytes(geometry)
        host = heads * border * value + (0 if low_rank else keys)
        return Footprint(device + index + (keys if low_rank else 0), host, moved)

    def mean_bytes(self, geometry: Geometry) -> int:
        """Return the bytes of one chunk's means, all kv-heads."""
        channels = geometry.heads * geometry.size
        if self.bits == 16:
            return channels * geometry.element
        if self.bits in HIGGS_GRIDS:
            return higgs(self.bits, channels).nbytes(channels)
        return geometry.heads * Integer(self.bits, geometry.size).nbytes(geometry.size)

    def key_bytes(self, geometry: Geometry, border: int) -> tuple[int, int]:
        """Return the bytes of the key store, and of one key of one kv-head that is fetched from it."""
        channels = geometry.heads * geometry.size
        if self.keys == "low-rank":
            rank = self.key_rank(channels, geometry.tokens)
            return (geometry.tokens + channels) * rank * geometry.element + START, 0
        row = self.row_bytes(geometry, self.keys, self.key_bits)
        if self.keys == "higgs":  # without positions, of the whole prompt
            return geometry.heads * geometry.tokens * row + START, row
        return geometry.heads * border * row, row

    def row_bytes(self, geometry: Geometry, form: str, bits: int) -> int:
        """Return the bytes of one head's vector in a format."""
        size = geometry.size
        if form == "exact":
            return geometry.row
        return quantizer(form, bits, 0 if form == "higgs" else size, size).nbytes(size)
