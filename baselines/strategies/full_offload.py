"""Full attention whose keys and values lie on the host and stream to the device layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.prompt import Prompt
from text2json.baselines.sealed import Residents, Sealed, Selection, window
from text2json.baselines.stores import ExactStore
from text2json.baselines.strategy import Strategy


@dataclass(frozen=True)
class FullOffload(Strategy):
    """Every step fetches the whole prompt: lossless, no device memory, and the most traffic that there can be.

    transformers' `OffloadedCache` works so, with about two layers on the device at a time; the YAKV authors' baseline
    of that name moves everything back before decoding and is ordinary full attention.
    """

    name: ClassVar[str] = "full-offload"
    source: ClassVar[str] = "transformers' OffloadedCache; baseline of arXiv 2604.08426"
    summary: ClassVar[str] = "exact keys and values on the host, all of them fetched at every step"
    reference: ClassVar[bool] = True

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Move the prompt to the host."""
        allowed = prompt.valid.unsqueeze(1).expand(-1, prompt.keys.shape[1], -1)
        nothing = Residents.at(prompt, *window(prompt, prompt.length))
        return Sealed(
            index=None,
            keys=ExactStore("host", "keys", prompt.keys.contiguous()),
            values=ExactStore("host", "values", prompt.values.contiguous()),
            residents=nothing,
            selection=Selection("device", "selection", allowed, prompt.tokens, prompt.valid),
            unit=1,
        )

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return everything on the host, and all of it moved."""
        return Footprint(0, geometry.full.device, geometry.full.device)
