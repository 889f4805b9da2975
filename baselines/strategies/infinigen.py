"""InfiniGen: a few skewed channels of query and key, told one layer ahead, pick the tokens to prefetch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.indexes import PartialKeys
from text2json.baselines.knobs import Knob, listed
from text2json.baselines.prompt import Prompt
from text2json.baselines.rules import each_head
from text2json.baselines.sealed import Residents, Sealed, window
from text2json.baselines.stores import ExactStore
from text2json.baselines.strategy import Option, SparseStrategy
from text2json.errors import SpecError


@dataclass(frozen=True)
class InfiniGen(SparseStrategy):
    """Queries and keys are turned so that few channels carry most of their product; those few predict the scores.

    The turn is the queries' right singular vectors; kept are the 20 % of channels with the largest summed magnitude
    of turned queries and the 20 % of turned keys, together at most 40 %. A step predicts the layer's query from the
    input of the layer before, which on a GPU gives time to fetch. Each query head reads the tokens that score within
    `alpha` of its best; the number is the mean over heads, at most the budget. The first layers are dense.

    The paper finds the turn offline on 2,048 tokens of PG19; here it comes from the prompt's own last queries, so
    that any model works without a file. Preset `paper` is the default; preset `comparison` is the form that arXiv
    2604.08426 compares with: a fixed number for each query head, no threshold (its budget varies; 0.78125 % is ours).
    The paper's host pool evicts tokens when it is full; here it holds the whole prompt.

    Args:
        budget: see `SparseStrategy`; the most that a query head reads.
        local: the last tokens, always exact; none in the paper.
        channels: the share of channels by queries, and again by keys.
        alpha: how far below the best score a token may be; 0 for a fixed number.
        calibration: last queries of the prompt that the turn is found on.
        dense_layers: first layers that keep everything on the device.
    """

    budget: float = 0.2
    local: int = 0
    channels: float = 0.2
    alpha: float = 4.0
    calibration: int = 2048
    dense_layers: int = 2

    name: ClassVar[str] = "infinigen"
    source: ClassVar[str] = "arXiv 2406.19707, section 4"
    summary: ClassVar[str] = "few channels of the query told one layer ahead select; keys and values on the host"
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {
        "paper": {},
        "comparison": {"alpha": 0.0, "budget": 0.0078125},
    }

    def __post_init__(self) -> None:
        SparseStrategy.__post_init__(self)
        if not 0 < self.channels <= 1:
            raise SpecError(f"infinigen: channels={self.channels} is no share", remedy="give 0.2 or up to 1")
        if self.alpha < 0 or self.dense_layers < 0:
            raise SpecError("infinigen: alpha and dense_layers are not negative", remedy="give 0 for none")
        if self.calibration < 1:
            raise SpecError("infinigen: calibration needs a query", remedy="give 2048")

    @property
    def reads_inputs(self) -> bool:
        """It predicts one layer ahead."""
        return True

    @property
    def turns_keys(self) -> bool:
        """Foretold queries get their positions."""
        return True

    @property
    def whole_layers(self) -> int:
        """The dense ones."""
        return self.dense_layers

    @property
    def prompt_queries(self) -> int:
        """Those that the turn is found on."""
        return self.calibration

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Find the turn and the channels; move keys and values to the host."""
        if prompt.layer < self.dense_layers or self.covers(prompt):
            return None
        border = max(0, prompt.length - self.local)
        margin = self.alpha if self.alpha > 0 else None
        allowed = prompt.valid[:, :border]
        return Sealed(
            index=PartialKeys.of(prompt, self.turn(prompt), border),
            keys=ExactStore("host", "keys", prompt.keys[:, :, :border].contiguous()),
            values=ExactStore("host", "values", prompt.values[:, :, :border].contiguous()),
            residents=Residents.at(prompt, *window(prompt, border)),
            selection=self.selection(prompt, allowed, self.counts(prompt), each_head, margin),
            unit=1,
        )

    def turn(self, prompt: Prompt) -> Tensor:
        """Return (B, H_q, D, W): the kept columns of each query head's turn, zero where a head keeps fewer."""
        if prompt.queries is None:
            raise SpecError("infinigen needs the prompt's last queries", remedy="use it through tiered_cache")
        queries = prompt.queries[:, :, -self.calibration :].float()
        queries = queries * prompt.valid[:, None, -queries.shape[2] :, None]
        vectors = torch.linalg.eigh(queries.mT @ queries).eigenvectors
        keys = (prompt.keys.float() * prompt.valid[:, None, :, None]).repeat_interleave(
            queries.shape[1] // prompt.keys.shape[1], 1
        )
        count = self.channel_count(queries.shape[3])
        kept = torch.zeros(vectors.shape[:2] + vectors.shape[3:], dtype=torch.bool, device=vectors.device)
        for rows in (queries, keys):
            kept.scatter_(2, (rows @ vectors).abs().sum(2).topk(count, dim=-1).indices, True)
        order = kept.int().sort(dim=-1, descending=True, stable=True).indices[..., : int(kept.sum(-1).max())]
        columns = vectors.gather(3, order.unsqueeze(2).expand(-1, -1, vectors.shape[2], -1))
        found: Tensor = columns * kept.gather(2, order).unsqueeze(2)
        return found

    def channel_count(self, size: int) -> int:
        """Return how many of `size` channels are kept by queries, and again by keys."""
        return max(1, int(self.channels * size))

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return an upper bound: that no channel is kept both by queries and by keys, and every head reads its most."""
        tokens, heads = geometry.tokens, geometry.query_heads
        if self.covers_tokens(tokens):
            return geometry.full
        border = max(0, tokens - self.local)
        width = min(geometry.size, 2 * self.channel_count(geometry.size))
        index = heads * (border + geometry.size) * width * geometry.element + heads * geometry.row
        moved = geometry.rows(min(self.count(tokens), border)) * geometry.group
        return Footprint(index + geometry.residents(tokens - border), geometry.rows(border), moved)

    def device_knob(self, geometry: Geometry) -> Knob:
        """Return the share of channels."""
        return listed({"channels": round(kept / geometry.size + 1e-6, 6)} for kept in range(1, geometry.size))
