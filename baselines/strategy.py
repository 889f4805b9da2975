"""What a strategy is: a frozen dataclass whose fields are the options that its spec may set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

import torch
from torch import Tensor

from text2json.baselines.prompt import Prompt
from text2json.baselines.rules import Rule, softmax_max
from text2json.baselines.sealed import Sealed, Selection
from text2json.errors import SpecError

Option = int | float | str


@dataclass(frozen=True)
class Strategy(ABC):
    """A way to keep a KV cache.

    Prefill is dense and exact. Before the first decoding step, each layer's prompt is handed to `seal`, which puts
    it on its tiers; a prompt that the budget covers stays whole on the device, which is full attention.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    """Paper and section."""
    summary: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {}
    """Name → options that differ from the defaults; a spec asks for one with `preset=NAME`."""
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Option → the words it may be, for options that are no numbers."""

    @property
    def reads_inputs(self) -> bool:
        """Whether its index predicts from the input of the layer before."""
        return False

    @property
    def prompt_queries(self) -> int:
        """How many of the prompt's last queries `seal` needs; -1 for all."""
        return 0

    @property
    def spec(self) -> str:
        """The strategy with every option, as the command line writes it; parsing it gives the same strategy."""
        options = ",".join(f"{field.name}={getattr(self, field.name)}" for field in fields(self))
        return f"{self.name}:{options}" if options else self.name

    @abstractmethod
    def seal(self, prompt: Prompt) -> Sealed | None:
        """Put one layer's prompt on its tiers, or return None to keep it whole on the device."""


@dataclass(frozen=True)
class SparseStrategy(Strategy, ABC):
    """A strategy that reads a part of the prompt at each step.

    Args:
        budget: tokens read from the prompt at each step beside the residents: a share of the prompt below 1, else a
            number of tokens.
        local: the last tokens of the prompt, always exact on the device.
    """

    budget: float
    local: int

    def __post_init__(self) -> None:
        if not self.budget > 0:
            raise SpecError(f"{self.name}: budget={self.budget} selects nothing",
                            remedy="give a share of the prompt (0.03) or a number of tokens (2048)")  # fmt: skip
        if self.local < 0:
            raise SpecError(f"{self.name}: local={self.local} is negative", remedy="give a number of tokens")

    def counts(self, prompt: Prompt, unit: int = 1) -> Tensor:
        """Return (B,) how many units each sequence may read: at least one, rounded down from the budget."""
        tokens = prompt.tokens * self.budget if self.budget < 1 else torch.full_like(prompt.tokens, int(self.budget))
        return (tokens.long() // unit).clamp(min=1)

    def covers(self, prompt: Prompt) -> bool:
        """Tell whether budget and residents hold every prompt whole."""
        return bool((self.counts(prompt) + self.local >= prompt.tokens).all())

    def selection(
        self,
        prompt: Prompt,
        allowed: Tensor,
        counts: Tensor,
        rule: Rule = softmax_max,
        margin: float | None = None,
    ) -> Selection:
        """Return the selection over units `allowed` (B, units) or (B, H, units)."""
        batch, heads, length, _ = prompt.keys.shape
        per_head = allowed.unsqueeze(1).expand(-1, heads, -1) if allowed.dim() == 2 else allowed
        previous = torch.zeros(batch, heads, length, dtype=torch.bool, device=prompt.keys.device)
        return Selection("device", "selection", per_head, counts, prompt.valid, previous, rule, margin)
