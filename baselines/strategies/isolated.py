"""One half of a strategy alone: its selection with exact keys and values, or its stores under the best selection.

`selection@SPEC` reads what SPEC selects, exactly; `stores@SPEC` reads the best tokens, as SPEC stores them. Between the
two, a strategy's loss is split into its causes.
"""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.indexes import ExactKeys
from text2json.baselines.parts import take
from text2json.baselines.prompt import Prompt
from text2json.baselines.rules import each_head, softmax_max
from text2json.baselines.sealed import Residents, Sealed, Selection
from text2json.baselines.stores import ExactStore
from text2json.baselines.strategy import Strategy


@dataclass(frozen=True)
class Isolated(Strategy, ABC):
    """A strategy of which one half is replaced by an exact one.

    Args:
        of: the strategy.
    """

    of: Strategy

    source: ClassVar[str] = "-"

    @property
    def spec(self) -> str:
        """The half's name before the strategy's own spec."""
        return f"{self.name}@{self.of.spec}"

    @property
    def prompt_queries(self) -> int:
        """Those that the strategy wants."""
        return self.of.prompt_queries

    @property
    def reads_inputs(self) -> bool:
        """Whether the strategy does."""
        return self.of.reads_inputs

    @property
    def turns_keys(self) -> bool:
        """Whether the strategy does, since it seals first."""
        return self.of.turns_keys

    def footprint(self, geometry: Geometry) -> Footprint:
        """Return the whole strategy's bytes: those of the exact half are an instrument's, and nobody would pay them."""
        return self.of.footprint(geometry)

    @property
    def whole_layers(self) -> int:
        """Those of the strategy."""
        return self.of.whole_layers


class SelectionAlone(Isolated):
    """What the strategy selects, with exact keys and values: what is lost is what was not read."""

    name: ClassVar[str] = "selection"
    summary: ClassVar[str] = "a strategy's selection alone, with exact keys and values"

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Let the strategy seal, and put exact tensors in place of its stores and residents."""
        sealed = self.of.seal(prompt)
        if sealed is None:
            return None
        border = sealed.selection.allowed.shape[2] * sealed.unit
        residents, places = sealed.residents, sealed.residents.places.long()
        residents.keys, residents.values = (
            take(prompt.keys, places),
            take(prompt.values, places),
        )  # an index may hold it
        return replace(
            sealed,
            keys=ExactStore("host", "keys", prompt.keys[:, :, :border].contiguous()),
            values=ExactStore("host", "values", prompt.values[:, :, :border].contiguous()),
        )


class StoresAlone(Isolated):
    """The strategy's stores under the oracle's selection: what is lost is what was stored badly.

    The oracle reads single tokens, as many as the strategy's units hold, by the softmax of the exact scores and the
    maximum over the group; where the strategy lets each query head choose for itself, it does so too. A strategy that
    throws tokens away has no store that could lose: it gets as many tokens as it keeps, from an exact store.
    """

    name: ClassVar[str] = "stores"
    summary: ClassVar[str] = "a strategy's stores alone, under the oracle's selection"

    def seal(self, prompt: Prompt) -> Sealed | None:
        """Let the strategy seal, and put exact keys in place of its index."""
        sealed = self.of.seal(prompt)
        if sealed is None:
            return None
        if sealed.index is None:
            return self.best_kept(prompt, sealed) if sealed.selection.allowed.shape[2] == 0 else sealed
        old = sealed.selection
        border = old.allowed.shape[2] * sealed.unit
        allowed = old.allowed.repeat_interleave(sealed.unit, 2) & prompt.valid[:, None, :border]
        rule = each_head if old.rule is each_head else softmax_max
        selection = replace(old, allowed=allowed, counts=old.counts * sealed.unit, rule=rule)
        return replace(sealed, index=exact_index(prompt, border), selection=selection, unit=1)

    def best_kept(self, prompt: Prompt, sealed: Sealed) -> Sealed:
        """Return exact stores of which as many tokens are read as an evicting strategy keeps."""
        allowed = prompt.valid.unsqueeze(1).expand(-1, prompt.keys.shape[1], -1)
        nowhere = torch.zeros(*allowed.shape[:2], 0, dtype=torch.long, device=allowed.device)
        counts: Tensor = sealed.residents.valid.sum(2).amax(1)
        return Sealed(
            index=exact_index(prompt, prompt.length),
            keys=ExactStore("host", "keys", prompt.keys),
            values=ExactStore("host", "values", prompt.values),
            residents=Residents.at(prompt, nowhere, nowhere.bool()),
            selection=Selection("device", "selection", allowed, counts, prompt.valid),
            unit=1,
        )


def exact_index(prompt: Prompt, border: int) -> ExactKeys:
    """Return the oracle's index over the first `border` tokens."""
    return ExactKeys("device", "index", prompt.keys[:, :, :border].contiguous())
