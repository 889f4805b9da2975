"""Quest: the least and greatest value of every key channel in each page bound what a query can find there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.indexes import PageBounds
from text2json.baselines.knobs import Knob, listed
from text2json.baselines.prompt import Prompt
from text2json.baselines.rules import each_head
from text2json.baselines.sealed import Residents, Sealed, window
from text2json.baselines.stores import ExactStore
from text2json.baselines.strategy import Option, SparseStrategy
from text2json.errors import SpecError


@dataclass(frozen=True)
class Quest(SparseStrategy):
    """Pages of 16 keys; each query head reads the pages of largest upper bound sum(max(q·least, q·greatest)).

    At least 3 pages are read, the last page always; the first two layers attend to everything.

    Paper and code keep all keys and values on the device and save attention time alone; here they lie on the host and
    pages are fetched, which changes no selection. Paper and code cut generated tokens into pages too; here they stay
    exact on the device, as in every strategy. The paper's budgets are 512 to 4,096 tokens, generated ones included.

    Args:
        budget: see `SparseStrategy`; the last page counts among it.
        local: tokens beside the last page that stay on the device; none in the paper.
        page: tokens in a page.
        dense_layers: first layers that keep everything on the device.
    """

    budget: float = 1024
    local: int = 0
    page: int = 16
    dense_layers: int = 2

    name: ClassVar[str] = "quest"
    source: ClassVar[str] = "arXiv 2406.10774, section 3"
    summary: ClassVar[str] = "channel bounds of pages select, per query head; keys and values on the host"
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {"paper": {}, "no-dense-layers": {"dense_layers": 0}}

    def __post_init__(self) -> None:
        SparseStrategy.__post_init__(self)
        check_pages(self.name, self.page, self.dense_layers)

    @property
    def whole_layers(self) -> int:
        """The dense ones."""
        return self.dense_layers

    @property
    def unit(self) -> int:
        """A page."""
        return self.page

    def count(self, tokens: int) -> int:
        """Return how many pages beside the last one are read: at least 2."""
        return max(2, SparseStrategy.count(self, tokens) - 1)

    def pages(self, length: int) -> int:
        """Return how many pages stand before the last tokens of a prompt of `length`."""
        return max(0, min(length - 1, length - self.local)) // self.page

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Bound the pages before the last, and move them to the host."""
        pages = self.pages(prompt.length)
        border = pages * self.page
        real = real_pages(prompt, self.page, pages)
        if prompt.layer < self.dense_layers or bool((self.counts(prompt) >= real.sum(1)).all()):
            return None
        return Sealed(
            index=PageBounds.extremes(prompt, self.page, pages),
            keys=ExactStore("host", "keys", prompt.keys[:, :, :border].contiguous()),
            values=ExactStore("host", "values", prompt.values[:, :, :border].contiguous()),
            residents=Residents.at(prompt, *window(prompt, border)),
            selection=self.selection(prompt, real, self.counts(prompt), each_head),
            unit=self.page,
        )

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return two bounds for each page on the device; the pages on the host, moved by each query head."""
        pages, count = self.pages(geometry.tokens), self.count(geometry.tokens)
        if count >= pages:
            return geometry.full
        border = pages * self.page
        return Footprint(
            device=geometry.rows(pages) + geometry.residents(geometry.tokens - border),
            host=geometry.rows(border),
            moved=geometry.rows(count * self.page) * geometry.group,
        )

    def device_knob(self, geometry: Geometry) -> Knob:
        """Return the pages' size, the largest first."""
        return page_sizes()


def page_sizes() -> Knob:
    """Return pages of 256 down to 1 token."""
    return listed({"page": page} for page in range(256, 0, -1))


def real_pages(prompt: Prompt, page: int, pages: int) -> Tensor:
    """Return (B, pages) which of the first pages hold a token that is no padding."""
    real: Tensor = prompt.valid[:, : page * pages].unflatten(1, (pages, page)).any(2)
    return real


def check_pages(name: str, page: int, dense_layers: int) -> None:
    """Refuse pages without tokens and a negative number of layers."""
    if page < 1:
        raise SpecError(f"{name}: page={page} holds no token", remedy="give 1 or more; 16 is usual")
    if dense_layers < 0:
        raise SpecError(f"{name}: dense_layers={dense_layers} is negative", remedy="give 0 for none")
