"""What stays on the device to predict which tokens matter: each gives a score per query head and unit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from text2json.baselines.kernels import calls
from text2json.baselines.parts import Part
from text2json.baselines.prompt import Prompt, without_padding
from text2json.baselines.quantizers.higgs import Higgs
from text2json.baselines.quantizers.quantizer import Quantizer


@dataclass
class Index(Part, ABC):
    """Predicts q·k for units of one or more tokens."""

    keeps_fetched: ClassVar[bool] = False
    """It wants to see the keys that each step fetches."""
    chained: ClassVar[bool] = False
    """Nothing but kernels, where they serve, touches the query and the scores, and no step is observed."""

    @abstractmethod
    def scores(self, query: Tensor) -> Tensor:
        """Return approximations of q·k, (B, H, G, units), for query (B, H, G, D)."""

    def observe(self, query: Tensor, key: Tensor, predicted: Tensor | None) -> None:
        """See a step before it is scored.

        Args:
            query: (B, H, G, D), the same that `scores` gets.
            key: (B, H, 1, D) the newest token's.
            predicted: (B, H, G, D) the query as the input of the layer before tells it, where the strategy asks.
        """

    def fetched(self, tokens: Tensor, chosen: Tensor, keys: Tensor) -> None:
        """See a step's fetched keys (B, H or H * G, S, D), their places and which of them count (.., S), if kept."""


def dots(query: Tensor, rows: Tensor, *, add_to: Tensor | None = None, part: int = 0) -> Tensor:
    """Return q·rows (B, H, G, units) in float32 for query (B, H, G, D) and rows (B, H, units, D), plus `add_to`.

    Of the query, the positive channels count where `part` is 1, and the negative ones where it is -1.
    """
    found = calls.row_scores(query, rows, add_to=add_to, part=part)
    if found is not None:
        return found
    if part:
        query = query.clamp(min=0) if part > 0 else query.clamp(max=0)
    products = query.float() @ rows.float().transpose(2, 3)
    return products if add_to is None else add_to + products


@dataclass
class ExactKeys(Index):
    """The keys themselves, `rows` (B, H, N, D): what every index tries to be."""

    rows: Tensor
    chained = True

    def scores(self, query: Tensor) -> Tensor:
        """Return q·k."""
        return dots(query, self.rows)


@dataclass
class ChunkMeans(Index):
    """The mean key of each chunk of consecutive tokens, `means` (B, H, chunks, D); ShadowKV's landmarks."""

    means: Tensor
    chained = True

    @classmethod
    def of(cls, prompt: Prompt, chunk: int, chunks: int) -> ChunkMeans:
        """Average the valid keys of the first `chunks` chunks."""
        batch, heads, _, size = prompt.keys.shape
        keys = prompt.keys[:, :, : chunks * chunk].view(batch, heads, chunks, chunk, size).float()
        weights = prompt.valid[:, : chunks * chunk].view(batch, 1, chunks, chunk, 1).float()
        means = (keys * weights).sum(3) / weights.sum(3).clamp(min=1)
        return cls("device", "index", means.to(prompt.keys.dtype))

    def scores(self, query: Tensor) -> Tensor:
        """Return q·mean."""
        return dots(query, self.means)


@dataclass
class HiggsKeys(Index):
    """Every key as a few bits a channel, all heads of a token together: `codes` (B, N, C / d), `scales` (B, N, groups).

    Scores are taken in the turned space: the query is turned once, and codes are looked up and never turned back.
    """

    codes: Tensor
    scales: Tensor
    quantizer: Higgs
    chained = True

    @classmethod
    def of(cls, prompt: Prompt, quantizer: Higgs, tokens: int) -> HiggsKeys:
        """Quantise the first `tokens` keys, positions included, before any other loss."""
        return cls.of_rows(prompt.flat_keys[:, :tokens], quantizer)

    @classmethod
    def of_rows(cls, rows: Tensor, quantizer: Higgs) -> HiggsKeys:
        """Quantise rows (B, N, H * D) of all heads side by side."""
        codes, scales = quantizer.encode(rows)
        return cls("device", "index", codes, scales, quantizer)

    def scores(self, query: Tensor) -> Tensor:
        """Return q·k of the quantised keys."""
        return self.quantizer.scores(self.codes, self.scales, query)


@dataclass
class ResidualKeys(Index):
    """Every key as the mean of its chunk plus what it differs from it, both as HIGGS codes, the difference at less.

    The difference is taken from the mean as it is stored, so that it mends the mean's own error too.
    """

    means: HiggsKeys
    residuals: HiggsKeys
    chunk: int
    tokens: int

    @classmethod
    def of(cls, prompt: Prompt, mean: Higgs, residual: Higgs, chunk: int, tokens: int) -> ResidualKeys:
        """Quantise the first `tokens` keys; the last one fills up the last chunk, and the first one all padding."""
        exact = without_padding(prompt.keys[:, :, :tokens], prompt.valid).transpose(1, 2).flatten(2).float()
        missing = -tokens % chunk
        filled = torch.cat([exact, exact[:, -1:].expand(-1, missing, -1)], 1)
        means = filled.unflatten(1, (-1, chunk)).mean(2)
        stored = mean.decode(*mean.encode(means), exact.shape[2])
        away = exact - stored.repeat_interleave(chunk, 1)[:, :tokens]
        parts = HiggsKeys.of_rows(means, mean), HiggsKeys.of_rows(away, residual)
        return cls("device", "index", *parts, chunk, tokens)

    def scores(self, query: Tensor) -> Tensor:
        """Return q·mean + q·residual."""
        coarse = self.means.scores(query).repeat_interleave(self.chunk, -1)[..., : self.tokens]
        return coarse + self.residuals.scores(query)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the tensors of means and residuals."""
        yield from self.means.tensors()
        yield from self.residuals.tensors()

    def apply(self, change: Callable[[Tensor], Tensor]) -> None:
        """Change means and residuals alike."""
        self.means.apply(change)
        self.residuals.apply(change)


@dataclass
class QuantizedKeys(Index):
    """Every head's key alone in a number format: `codes` (B, H, N, bytes), `scales` (B, H, N, numbers)."""

    codes: Tensor
    scales: Tensor
    quantizer: Quantizer

    @classmethod
    def of(cls, prompt: Prompt, quantizer: Quantizer, tokens: int) -> QuantizedKeys:
        """Quantise the first `tokens` keys, positions included."""
        return cls("device", "index", *quantizer.encode(prompt.keys[:, :, :tokens]), quantizer)

    def scores(self, query: Tensor) -> Tensor:
        """Return q·k of the quantised keys."""
        return query.float() @ self.quantizer.decode(self.codes, self.scales, query.shape[3]).transpose(2, 3)


@dataclass
class PageBounds(Index):
    """For each page of consecutive tokens and each channel two bounds, `low` and `high` (B, H, pages, D).

    A page's score is the sum over channels of max(q_j low_j, q_j high_j): with least and greatest values it bounds
    every q·k in the page from above.
    """

    low: Tensor
    high: Tensor
    chained = True

    @classmethod
    def extremes(cls, prompt: Prompt, page: int, pages: int) -> PageBounds:
        """Keep the least and the greatest value of each channel over the first `pages` pages; Quest."""
        least, most, _ = _extremes(prompt, page, pages)
        return cls("device", "index", least.to(prompt.keys.dtype), most.to(prompt.keys.dtype))

    @classmethod
    def cuboids(cls, prompt: Prompt, page: int, pages: int) -> PageBounds:
        """Keep the centre of each channel, give or take its mean distance from the keys; ArkVale's "cuboid-mean"."""
        least, most, real = _extremes(prompt, page, pages)
        keys = prompt.keys[:, :, : page * pages].unflatten(2, (pages, page)).float()
        centre = (least + most) / 2
        away = (keys - centre.unsqueeze(3)).abs() * real
        radius = away.sum(3) / real.sum(3).clamp(min=1)
        low, high = (bound.to(prompt.keys.dtype) for bound in (centre - radius, centre + radius))
        return cls("device", "index", low, high)

    def scores(self, query: Tensor) -> Tensor:
        """Return the sum of the greater products: what is positive in q meets `high`, what is negative `low`."""
        upper = dots(query, self.high, part=1)
        return dots(query, self.low, add_to=upper, part=-1)


def _extremes(prompt: Prompt, page: int, pages: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return least and greatest (B, H, pages, D) of the valid keys, zero in pages of padding, and the valid ones."""
    keys = prompt.keys[:, :, : page * pages].unflatten(2, (pages, page)).float()
    real = prompt.valid[:, : page * pages].unflatten(1, (pages, page))[:, None, :, :, None]
    some = real.any(3)
    least = keys.masked_fill(~real, float("inf")).amin(3).masked_fill(~some, 0)
    most = keys.masked_fill(~real, float("-inf")).amax(3).masked_fill(~some, 0)
    return least, most, real


@dataclass
class PartialKeys(Index):
    """A few turned channels of every key for each query head.

    `rows` (B, H_q, N, W) are the turned keys, `columns` (B, H_q, D, W) the turn itself. What is turned and scored is
    the query told from the layer before, where the cache gives one.
    """

    rows: Tensor
    columns: Tensor
    predicted: Tensor | None = None

    @classmethod
    def of(cls, prompt: Prompt, columns: Tensor, tokens: int) -> PartialKeys:
        """Turn the first `tokens` keys by columns (B, H_q, D, W)."""
        keys = prompt.keys[:, :, :tokens].repeat_interleave(columns.shape[1] // prompt.keys.shape[1], 1)
        dtype = prompt.keys.dtype
        return cls("device", "index", (keys.float() @ columns).to(dtype), columns.to(dtype))

    def observe(self, query: Tensor, key: Tensor, predicted: Tensor | None) -> None:
        """Keep the predicted query for this step's scores."""
        self.predicted = predicted

    def scores(self, query: Tensor) -> Tensor:
        """Return the product over the kept channels."""
        asked = query if self.predicted is None else self.predicted
        turned = asked.flatten(1, 2).unsqueeze(2).float() @ self.columns.float()
        return (turned @ self.rows.float().mT).view(*query.shape[:3], -1)
