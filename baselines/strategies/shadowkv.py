"""ShadowKV: chunk means as landmarks, low-rank keys on the device, values on the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.indexes import ChunkMeans
from text2json.baselines.knobs import Knob, whole_numbers
from text2json.baselines.prompt import Prompt
from text2json.baselines.sealed import Residents, Sealed, window
from text2json.baselines.stores import START, ExactStore, LowRankKeys
from text2json.baselines.strategy import Option, SparseStrategy, share_of
from text2json.errors import SpecError


@dataclass(frozen=True)
class ShadowKV(SparseStrategy):
    """Keys without positions, all kv-heads side by side, are factored by SVD and rebuilt when selected.

    Landmarks are the mean keys of chunks; a chunk whose keys are unlike their mean (lowest minimum cosine, per
    kv-head) is an outlier and stays exact on the device. A step takes a softmax over landmarks per query head, the
    maximum over the group and the top chunks per kv-head; their values come from the host.

    The paper's figures are for 128K tokens and 1,024 key channels: rank 160, 48 outlier chunks, 2,048 tokens. As
    shares they fit any prompt: rank 0.15625 of the channels, budget 0.015625; outliers are the share 0.012 of the
    tokens that the YAKV authors' re-implementation uses. Absolute numbers are taken as such.

    The paper's published cache rounds the number of chunks down to a multiple of 8, which lengthens the window (preset
    `code`), and reuses the chunks of the step before (the ledger counts both without and with reuse). Its softmax is
    cast back to 16 bits, which ties chunks that are close; here it stays in 32. Presets: `paper`, its absolute numbers
    at 128K; `comparison`, the defaults of the class that arXiv 2604.08426 compares with.

    Args:
        budget: see `SparseStrategy`; rounded down to whole chunks, at least one.
        local: the last tokens, always exact, beside what does not fill a chunk; below 1 a share of the prompt.
        rank: of the key factors; below 1 a share of the key channels H_kv * D.
        chunk: tokens in a chunk.
        outliers: below 1 a share of the prompt's tokens, else a number of chunks.
        align: the number of chunks is a multiple of this.
    """

    budget: float = 0.015625
    local: float = 32
    rank: float = 0.15625
    chunk: int = 8
    outliers: float = 0.012
    align: int = 1

    name: ClassVar[str] = "shadowkv"
    source: ClassVar[str] = "arXiv 2410.21465, section 4"
    summary: ClassVar[str] = "chunk means select; low-rank keys on the device, values on the host"
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {
        "paper": {"rank": 160, "outliers": 48},
        "code": {"rank": 160, "outliers": 48, "align": 8},
        "comparison": {"budget": 0.0625, "local": 0.001, "rank": 160},
    }

    def __post_init__(self) -> None:
        SparseStrategy.__post_init__(self)
        if self.chunk < 1:
            raise SpecError(f"shadowkv: chunk={self.chunk} holds no token", remedy="give 1 or more; the paper has 8")
        if self.align < 1:
            raise SpecError(f"shadowkv: align={self.align} is no number of chunks", remedy="give 1, or the code's 8")
        if not self.rank > 0:
            raise SpecError(f"shadowkv: rank={self.rank} keeps nothing", remedy="give a share below 1 or a whole rank")
        if self.outliers < 0:
            raise SpecError(f"shadowkv: outliers={self.outliers} is negative", remedy="give 0 for none")

    @property
    def turns_keys(self) -> bool:
        """Keys are factored without positions."""
        return True

    @property
    def unit(self) -> int:
        """A chunk."""
        return self.chunk

    def chunks(self, length: int) -> int:
        """Return how many chunks of a prompt of `length` may be selected or put aside."""
        whole = (length - share_of(self.local, length)) // self.chunk
        return max(0, whole // self.align * self.align)

    def key_rank(self, channels: int, length: int) -> int:
        """Return the rank of the factors of keys (length, channels)."""
        return min(channels, length, max(1, share_of(self.rank, channels)))

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Factor the keys, average the chunks, and put the outliers aside."""
        chunks = self.chunks(prompt.length)
        if self.covers(prompt) or chunks < 1:
            return None
        _, heads, _, size = prompt.keys.shape
        rank = self.key_rank(heads * size, prompt.length)
        border = chunks * self.chunk
        index = ChunkMeans.of(prompt, self.chunk, chunks)
        real = prompt.valid[:, :border].view(-1, chunks, self.chunk).any(2)
        allowed = real.unsqueeze(1).expand(-1, heads, -1).clone()
        places, valid = window(prompt, border)
        outliers, aside = self.outlier_chunks(prompt, index.means, real)
        if outliers.shape[2]:
            allowed &= ~torch.zeros_like(allowed).scatter(2, outliers, aside)
            inside = torch.arange(self.chunk, device=outliers.device)
            tokens = (outliers.unsqueeze(-1) * self.chunk + inside).flatten(2)
            places = torch.cat([tokens, places], 2)
            known = prompt.valid.unsqueeze(1).expand(-1, heads, -1).gather(2, tokens)
            valid = torch.cat([known & aside.repeat_interleave(self.chunk, 2), valid], 2)
        return Sealed(
            index=index,
            keys=LowRankKeys.of(prompt, rank),
            values=ExactStore("host", "values", prompt.values[:, :, :border].contiguous()),
            residents=Residents.at(prompt, places, valid),
            selection=self.selection(prompt, allowed, self.counts(prompt)),
            unit=self.chunk,
        )

    def outlier_chunks(self, prompt: Prompt, means: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Return (B, H, most) the chunks whose keys are least like their mean, and which of them are put aside.

        Padding is never among these; a sequence has as many of them as it would have alone.
        """
        batch, heads, chunks, size = means.shape
        keys = prompt.keys[:, :, : chunks * self.chunk].view(batch, heads, chunks, self.chunk, size).float()
        cosine = torch.cosine_similarity(keys, means.float().unsqueeze(3), dim=-1)
        known = prompt.valid[:, : chunks * self.chunk].view(batch, 1, chunks, self.chunk)
        least = cosine.masked_fill(~known, float("inf")).amin(3).masked_fill(~real.unsqueeze(1), float("inf"))
        wanted = prompt.tokens.new_tensor([self.outlier_count(tokens) for tokens in prompt.tokens.tolist()])
        counts = wanted.minimum(real.sum(1))
        outliers = least.topk(int(counts.max()), dim=-1, largest=False).indices
        aside = torch.arange(outliers.shape[2], device=counts.device) < counts.view(-1, 1, 1)
        return outliers, aside.expand_as(outliers)

    def outlier_count(self, tokens: int) -> int:
        """Return how many chunks of a prompt of `tokens` are put aside, where it has that many."""
        return int(tokens * self.outliers) // self.chunk if self.outliers < 1 else int(self.outliers)

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return factors, landmarks, outliers and window on the device, values on the host."""
        chunks, tokens = self.chunks(geometry.tokens), geometry.tokens
        if self.covers_tokens(tokens) or chunks < 1:
            return geometry.full
        channels = geometry.heads * geometry.size
        rank = self.key_rank(channels, tokens)
        outliers = min(self.outlier_count(tokens), chunks)
        factors = (tokens + channels) * rank * geometry.element + START
        landmarks = geometry.heads * chunks * geometry.row
        exact = geometry.residents(tokens - chunks * self.chunk + outliers * self.chunk)
        rows = geometry.heads * self.chunk * geometry.row
        moved = rows * min(self.count(tokens), chunks - outliers)
        return Footprint(factors + landmarks + exact, rows * chunks, moved)

    def device_knob(self, geometry: Geometry) -> Knob:
        """Return the rank of the keys: landmarks, outliers and window stay as they are."""
        return whole_numbers("rank", min(geometry.heads * geometry.size, geometry.tokens))
