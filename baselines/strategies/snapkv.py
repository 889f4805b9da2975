"""SnapKV: the prompt's last tokens vote for the earlier ones that stay; everything else is thrown away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.knobs import Knob, shares
from text2json.baselines.prompt import Prompt
from text2json.baselines.sealed import Sealed
from text2json.baselines.strategy import Option, Strategy, share_of
from text2json.errors import SpecError


@dataclass(frozen=True)
class SnapKV(Strategy):
    """An observation window at the prompt's end: what its queries attend to is kept, once and for all.

    Each query head's attention from the window is summed over the window's queries and pooled over neighbouring
    tokens; the mean over the group ranks the tokens of a kv-head. The published code repeats keys and values for
    every query head before it evicts, and so ranks by query head, at G times the memory; ports to models with grouped
    queries (kvpress) take the mean, and so does this. Preset `code` (the default) is what the published code sets up
    for a model, `class` the defaults of its class.

    Args:
        budget: tokens that stay, the window among them: a share of the prompt below 1, else a number.
        window: last tokens, whose queries vote and which always stay.
        kernel: tokens that are pooled; odd.
        pool: avg or max.
    """

    budget: float = 2048
    window: int = 32
    kernel: int = 5
    pool: str = "avg"

    name: ClassVar[str] = "snapkv"
    source: ClassVar[str] = "arXiv 2404.14469, section 4"
    summary: ClassVar[str] = "tokens that the prompt's end attends to stay on the device; the rest is evicted"
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {"code": {}, "class": {"budget": 320, "window": 64}}
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {"pool": ("avg", "max")}

    def __post_init__(self) -> None:
        if not self.budget > 0:
            raise SpecError(f"snapkv: budget={self.budget} keeps nothing", remedy="give a share or a number of tokens")
        if self.window < 1 or 1 <= self.budget < self.window:
            raise SpecError(f"snapkv: window={self.window} does not fit the budget",
                            remedy="give 1 or more, and a budget above it")  # fmt: skip
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise SpecError(f"snapkv: kernel={self.kernel} has no middle", remedy="give an odd number; 5 is usual")

    @property
    def prompt_queries(self) -> int:
        """The window's queries."""
        return self.window

    def kept(self, tokens: int) -> int:
        """Return how many of a prompt's `tokens` stay, the window among them."""
        return max(self.window, share_of(self.budget, tokens))

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Keep the window and what it voted for, and drop the rest."""
        budget = prompt.tokens.new_tensor([self.kept(tokens) for tokens in prompt.tokens.tolist()])
        if bool((budget >= prompt.tokens).all()):
            return None
        votes = self.votes(prompt)
        border = votes.shape[2]
        order = votes.argsort(dim=-1, descending=True, stable=True)
        best = torch.arange(border, device=order.device) < (budget - self.window).view(-1, 1, 1)
        kept = prompt.valid.unsqueeze(1).repeat(1, votes.shape[1], 1)
        kept[:, :, :border] &= torch.zeros_like(votes, dtype=torch.bool).scatter(2, order, best.expand_as(order))
        return Sealed.of_residents(prompt, kept)

    def votes(self, prompt: Prompt) -> Tensor:
        """Return (B, H, N - window) how much the window attends to each earlier token; -inf at padding."""
        if prompt.queries is None:
            raise SpecError("snapkv needs the prompt's last queries", remedy="use it through tiered_cache")
        batch, heads, length, size = prompt.keys.shape
        queries = prompt.queries[:, :, -self.window :]
        seen = queries.shape[2]
        packed = queries.reshape(batch, heads, -1, size)
        factor = size**-0.5 if prompt.scaling is None else prompt.scaling
        scores = (packed @ prompt.keys.transpose(2, 3)).float().view(batch, heads, -1, seen, length) * factor
        causal = torch.ones(seen, length, dtype=torch.bool, device=scores.device).tril(length - seen)
        known = causal & prompt.valid[:, None, None, None]
        weights = scores.masked_fill(~known, float("-inf")).softmax(-1)
        border = length - self.window
        summed = weights[..., :border].sum(3).flatten(0, 1)
        pooling = functional.avg_pool1d if self.pool == "avg" else functional.max_pool1d
        pooled = pooling(summed, self.kernel, stride=1, padding=self.kernel // 2).view(batch, heads, -1, border)
        return pooled.mean(2).masked_fill(~prompt.valid[:, None, :border], float("-inf"))

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return what stays; nothing else exists."""
        kept = self.kept(geometry.tokens)
        return geometry.full if kept >= geometry.tokens else Footprint(geometry.residents(kept))

    def device_knob(self, geometry: Geometry) -> Knob:
        """Return the tokens that stay."""
        return shares("budget", geometry.tokens)
