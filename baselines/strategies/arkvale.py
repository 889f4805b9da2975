"""ArkVale: each page is summed up by a cuboid around its keys; evicted pages are recalled when they score high."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.indexes import PageBounds
from text2json.baselines.knobs import Knob, shares
from text2json.baselines.prompt import Prompt
from text2json.baselines.rules import layer_mean, mean
from text2json.baselines.sealed import Residents, Sealed
from text2json.baselines.stores import ExactStore
from text2json.baselines.strategies.quest import check_pages, page_sizes, real_pages
from text2json.baselines.strategy import Option, SparseStrategy
from text2json.errors import SpecError


@dataclass(frozen=True)
class ArkVale(SparseStrategy):
    """A page's digest is, channel by channel, the centre of its keys give or take their mean distance from it.

    A page scores sum(max(q·low, q·high)) for each query head; the mean over the group ranks the pages of a kv-head.
    The first and the last pages always stay on the device.

    Two forms are published. The paper's (preset `paper`): pages of 32, one ranking for all heads of a layer, 1 sink
    and 2 window pages, 32 pages read, which include all but the last of those, and two dense first layers. The one
    that arXiv 2604.08426 compares with (preset `comparison`, the default): pages of 16, a ranking for each kv-head,
    2 sink and 5 window pages, ceil(0.78125 % of N / 16) pages recalled beside them, no dense layers.

    The paper keeps a cache of 128 recalled pages on the device and writes generated pages back to the host; here
    a step fetches what it reads (the ledger counts both without and with reuse of the step before), and generated
    tokens stay on the device.

    Args:
        budget: see `SparseStrategy`, rounded up to whole pages; sink and window pages come on top.
        local: tokens that are always exact beside the window pages; none in the paper.
        page: tokens in a page.
        sinks: first pages, always on the device.
        window: last pages, always on the device; the last may be partly filled.
        dense_layers: first layers that keep everything on the device.
        shared: 1 for one ranking for all heads of a layer.
    """

    budget: float = 0.0078125
    local: int = 0
    page: int = 16
    sinks: int = 2
    window: int = 5
    dense_layers: int = 0
    shared: int = 0

    name: ClassVar[str] = "arkvale"
    source: ClassVar[str] = "ArkVale, NeurIPS 2024, section 3; arXiv 2604.08426 for the default form"
    summary: ClassVar[str] = "cuboids around pages of keys select; keys and values on the host"
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {
        "comparison": {},
        "paper": {"budget": 960, "page": 32, "sinks": 1, "window": 2, "dense_layers": 2, "shared": 1},
    }

    def __post_init__(self) -> None:
        SparseStrategy.__post_init__(self)
        check_pages(self.name, self.page, self.dense_layers)
        if self.sinks < 0 or self.window < 0:
            raise SpecError("arkvale: sinks and window are numbers of pages", remedy="give 0 for none")

    @property
    def whole_layers(self) -> int:
        """The dense ones."""
        return self.dense_layers

    @property
    def unit(self) -> int:
        """A page."""
        return self.page

    def count(self, tokens: int) -> int:
        """Return how many pages are recalled, rounded up."""
        wanted = tokens * self.budget if self.budget < 1 else int(self.budget)
        return math.ceil(wanted / self.page)

    def pages(self, length: int) -> int:
        """Return how many pages stand before the window of a prompt of `length`."""
        last = -(-length // self.page) - self.window
        return max(0, min(last, (length - self.local) // self.page))

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Sum up the pages before the window, and move them to the host."""
        pages = self.pages(prompt.length)
        border = pages * self.page
        real = real_pages(prompt, self.page, pages)
        sinks = real & (real.cumsum(1) <= self.sinks)
        allowed = real & ~sinks
        if prompt.layer < self.dense_layers or bool((self.counts(prompt) >= allowed.sum(1)).all()):
            return None
        kept = prompt.valid.clone()
        kept[:, :border] &= sinks.repeat_interleave(self.page, 1)
        resident = kept.unsqueeze(1).expand(-1, prompt.keys.shape[1], -1)
        return Sealed(
            index=PageBounds.cuboids(prompt, self.page, pages),
            keys=ExactStore("host", "keys", prompt.keys[:, :, :border].contiguous()),
            values=ExactStore("host", "values", prompt.values[:, :, :border].contiguous()),
            residents=Residents.where(prompt, resident),
            selection=self.selection(prompt, allowed, self.counts(prompt), layer_mean if self.shared else mean),
            unit=self.page,
        )

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return two bounds for each page, sinks and window on the device; the pages on the host."""
        pages, count = self.pages(geometry.tokens), self.count(geometry.tokens)
        sinks = min(self.sinks, pages)
        if count >= pages - sinks:
            return geometry.full
        border = pages * self.page
        return Footprint(
            device=geometry.rows(pages) + geometry.residents(geometry.tokens - border + sinks * self.page),
            host=geometry.rows(border),
            moved=geometry.rows(count * self.page),
        )

    def traffic_knob(self, geometry: Geometry) -> Knob:
        """Return the budget: half a token above 0, 1, 2, ... pages, which are rounded up to 1, 2, 3, ..."""
        return shares("budget", geometry.tokens, self.page, least=0)

    def device_knob(self, geometry: Geometry) -> Knob:
        """Return the pages' size, the largest first."""
        return page_sizes()
