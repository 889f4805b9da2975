"""Strategies with a fault of our own making, and a short document that the bundled reader reads without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.models import LoadedModel, load_model
from text2json.baselines.prompt import Prompt
from text2json.baselines.sealed import Sealed
from text2json.baselines.stores import ExactStore, Store
from text2json.baselines.strategies import parse_spec
from text2json.baselines.strategy import Strategy
from text2json.data import iter_samples
from text2json.schemas.sample import Sample
from text2json.writing import write_dataset


@dataclass
class Noisy(Store):
    """The rows of an exact store with noise of their own size."""

    inner: ExactStore
    noise: float

    def read(self, index: Tensor, dtype: torch.dtype) -> Tensor:
        rows = self.inner.rows.float()
        drawn = torch.randn(rows.shape, generator=torch.Generator().manual_seed(3))
        noisy = rows + self.noise * drawn * rows.norm(dim=-1, keepdim=True) / rows.shape[-1] ** 0.5
        return ExactStore("host", self.purpose, noisy).read(index, dtype)

    @property
    def moved_bytes_per_token(self) -> float:
        return self.inner.moved_bytes_per_token


@dataclass(frozen=True)
class Planted(Strategy):
    """The oracle that reads everything but what is `masked`, from stores that are spoilt by `noise`."""

    masked: frozenset[int] = frozenset()
    noise: float = 0.0
    inner: str = "oracle:budget=0.9999,local=1"

    name: ClassVar[str] = "oracle"
    source: ClassVar[str] = "-"
    summary: ClassVar[str] = "-"

    @property
    def spec(self) -> str:
        return self.inner

    def footprint(self, geometry: Geometry) -> Footprint:
        raise NotImplementedError

    def seal(self, prompt: Prompt) -> Sealed | None:
        sealed = replace(parse_spec(self.inner), budget=0.95).seal(prompt)  # type: ignore[call-arg]
        assert sealed is not None
        border = sealed.selection.allowed.shape[2]
        sealed.selection.allowed = sealed.selection.allowed.clone()
        sealed.selection.allowed[..., [place for place in self.masked if place < border]] = False
        if self.noise:
            keys, values = (Noisy("host", name, ExactStore("host", name, rows[:, :, :border].contiguous()), self.noise)
                            for name, rows in (("keys", prompt.keys), ("values", prompt.values)))  # fmt: skip
            sealed = replace(sealed, keys=keys, values=values)
        return sealed


@cache
def reader() -> LoadedModel:
    return load_model("reader-llama")


def short_sample(folder: Path, fits: Callable[[Sample], bool] = lambda _: True) -> Sample:
    """Return the first short document of one record that fits."""
    if not folder.exists():
        write_dataset("demo", folder, samples=12, knobs={"records": (1, 1), "length": (500, 800)})
    return next(sample for sample in iter_samples(folder) if fits(sample))
