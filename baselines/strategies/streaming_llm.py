"""StreamingLLM: the first tokens and a recent window stay; everything between is thrown away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.knobs import Knob, shares
from text2json.baselines.prompt import Prompt
from text2json.baselines.sealed import Residents, Sealed
from text2json.baselines.strategy import Option, Strategy, share_of
from text2json.errors import SpecError


@dataclass(frozen=True)
class StreamingLLM(Strategy):
    """Attention sinks and a window: a reference for eviction, which cannot answer from what it has thrown away.

    The paper counts positions inside the cache, so that the sinks stand right before the window (preset `paper`,
    the default); kvpress keeps every token's own position (preset `kvpress`). Both keep 4 sinks. The paper's window
    slides on while tokens are generated; here the prompt's window stays, and generated tokens stay exact beside it.

    Args:
        sinks: first tokens that stay.
        window: last tokens that stay: a share of the prompt below 1, else a number.
        shift: 1 to move the sinks' positions up to the window, 0 to leave them.
    """

    sinks: int = 4
    window: float = 1020
    shift: int = 1

    name: ClassVar[str] = "streaming-llm"
    source: ClassVar[str] = "arXiv 2309.17453, section 3.2"
    summary: ClassVar[str] = "first and last tokens stay on the device; the rest is evicted"
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {"paper": {}, "kvpress": {"shift": 0}}

    def __post_init__(self) -> None:
        if self.sinks < 0 or not self.window > 0:
            raise SpecError("streaming-llm keeps sinks and a window", remedy="give sinks=4 and a window above 0")
        if self.shift not in (0, 1):
            raise SpecError(f"streaming-llm: shift={self.shift} means nothing", remedy="give 0 or 1")

    @property
    def turns_keys(self) -> bool:
        """Sinks are moved up to the window."""
        return self.shift == 1

    def recent(self, tokens: int) -> int:
        """Return how many last of a prompt's `tokens` stay."""
        return max(1, share_of(self.window, tokens))

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Keep sinks and window, and drop the rest."""
        tokens = prompt.tokens.unsqueeze(1)
        window = tokens.new_tensor([self.recent(count) for count in prompt.tokens.tolist()]).unsqueeze(1)
        rank = prompt.valid.long().cumsum(1)
        kept = prompt.valid & ((rank <= self.sinks) | (rank > tokens - window))
        evicted = (prompt.valid & ~kept).sum(1)
        if not bool(evicted.any()):
            return None
        sealed = Sealed.of_residents(prompt, kept.unsqueeze(1).expand(-1, prompt.keys.shape[1], -1))
        if self.shift:
            sealed.residents.keys = self.shifted(prompt, sealed.residents, evicted)
        return sealed

    def shifted(self, prompt: Prompt, residents: Residents, evicted: Tensor) -> Tensor:
        """Return the residents' keys, the sinks' at positions that are `evicted` (B,) further on."""
        positions = prompt.positions.gather(1, residents.places[:, 0].long())
        sinks = (positions < self.sinks) & residents.valid[:, 0]
        plain = prompt.rope.unrotate(residents.keys, positions)
        moved = prompt.rope.rotate(plain, positions + evicted.unsqueeze(1)).to(residents.keys.dtype)
        return torch.where(sinks[:, None, :, None], moved, residents.keys)

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return what stays; nothing else exists."""
        kept = self.sinks + self.recent(geometry.tokens)
        return geometry.full if kept >= geometry.tokens else Footprint(geometry.residents(kept))

    def device_knob(self, geometry: Geometry) -> Knob:
        """Return the window."""
        return shares("window", geometry.tokens)
