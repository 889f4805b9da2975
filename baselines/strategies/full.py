"""Full attention: every key and value on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.prompt import Prompt
from text2json.baselines.sealed import Sealed
from text2json.baselines.strategy import Strategy


@dataclass(frozen=True)
class Full(Strategy):
    """Nothing is moved and nothing is lost; the output equals that of transformers' own cache, token by token."""

    name: ClassVar[str] = "full"
    source: ClassVar[str] = "-"
    summary: ClassVar[str] = "exact keys and values on the device"
    reference: ClassVar[bool] = True

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Keep the prompt as it is."""
        return None

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return two exact rows a token."""
        return geometry.full
