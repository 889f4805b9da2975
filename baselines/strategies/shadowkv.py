"""ShadowKV: chunk means as landmarks, low-rank keys on the device, values on the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from text2json.baselines.indexes import ChunkMeans
from text2json.baselines.prompt import Prompt
from text2json.baselines.sealed import Residents, Sealed, window
from text2json.baselines.stores import ExactStore, LowRankKeys
from text2json.baselines.strategy import SparseStrategy
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

    Args:
        budget: see `SparseStrategy`; rounded down to whole chunks, at least one.
        local: the last tokens, always exact, beside what does not fill a chunk.
        rank: of the key factors; below 1 a share of the key channels H_kv * D.
        chunk: tokens in a chunk.
        outliers: below 1 a share of the prompt's tokens, else a number of chunks.
    """

    budget: float = 0.015625
    local: int = 32
    rank: float = 0.15625
    chunk: int = 8
    outliers: float = 0.012

    name: ClassVar[str] = "shadowkv"
    source: ClassVar[str] = "arXiv 2410.21465, section 4"
    summary: ClassVar[str] = "chunk means select; low-rank keys on the device, values on the host"

    def __post_init__(self) -> None:
        SparseStrategy.__post_init__(self)
        if self.chunk < 1:
            raise SpecError(f"shadowkv: chunk={self.chunk} holds no token", remedy="give 1 or more; the paper has 8")
        if not self.rank > 0:
            raise SpecError(f"shadowkv: rank={self.rank} keeps nothing", remedy="give a share below 1 or a whole rank")
        if self.outliers < 0:
            raise SpecError(f"shadowkv: outliers={self.outliers} is negative", remedy="give 0 for none")

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Factor the keys, average the chunks, and put the outliers aside."""
        chunks = (prompt.length - self.local) // self.chunk
        if self.covers(prompt) or chunks < 1:
            return None
        _, heads, _, size = prompt.keys.shape
        channels = heads * size
        rank = min(channels, prompt.length, max(1, int(self.rank * channels) if self.rank < 1 else int(self.rank)))
        border = chunks * self.chunk
        index = ChunkMeans.of(prompt, self.chunk, chunks)
        real = prompt.valid[:, :border].view(-1, chunks, self.chunk).any(2)
        allowed = real.unsqueeze(1).expand(-1, heads, -1).clone()
        places, valid = window(prompt, border)
        outliers = self.outlier_chunks(prompt, index.means, real)
        if outliers.shape[2]:
            allowed.scatter_(2, outliers, False)
            inside = torch.arange(self.chunk, device=outliers.device)
            tokens = (outliers.unsqueeze(-1) * self.chunk + inside).flatten(2)
            places = torch.cat([tokens, places], 2)
            known = prompt.valid.unsqueeze(1).expand(-1, heads, -1).gather(2, tokens)
            valid = torch.cat([known, valid], 2)
        return Sealed(
            index=index,
            keys=LowRankKeys.of(prompt, rank),
            values=ExactStore("host", "values", prompt.values[:, :, :border].contiguous()),
            residents=Residents.at(prompt, places, valid),
            selection=self.selection(prompt, allowed, self.counts(prompt, self.chunk)),
            unit=self.chunk,
        )

    def outlier_chunks(self, prompt: Prompt, means: Tensor, real: Tensor) -> Tensor:
        """Return (B, H, count) the chunks whose keys are least like their mean; padding is never among them."""
        batch, heads, chunks, size = means.shape
        keys = prompt.keys[:, :, : chunks * self.chunk].view(batch, heads, chunks, self.chunk, size).float()
        cosine = torch.cosine_similarity(keys, means.float().unsqueeze(3), dim=-1)
        known = prompt.valid[:, : chunks * self.chunk].view(batch, 1, chunks, self.chunk)
        least = cosine.masked_fill(~known, float("inf")).amin(3).masked_fill(~real.unsqueeze(1), float("inf"))
        tokens = int(prompt.tokens.max())
        count = int(tokens * self.outliers) // self.chunk if self.outliers < 1 else int(self.outliers)
        return least.topk(min(count, int(real.sum(1).min())), dim=-1, largest=False).indices
