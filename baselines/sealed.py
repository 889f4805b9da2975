"""A sealed prompt: index, stores and residents of one layer, and how a decoding step reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from text2json.baselines.indexes import Index
from text2json.baselines.parts import Part, take
from text2json.baselines.prompt import Prompt
from text2json.baselines.stores import Store


@dataclass
class Residents(Part):
    """Exact keys and values on the device, always read: `keys`, `values` (B, H, R, D).

    `places` and `valid` (B, H, R) say where in the prompt they stand, and which of them are no padding.
    """

    keys: Tensor
    values: Tensor
    places: Tensor
    valid: Tensor

    @classmethod
    def at(cls, prompt: Prompt, index: Tensor, valid: Tensor) -> Residents:
        """Keep the prompt's tokens at index (B, H, R)."""
        return cls("device", "residents", take(prompt.keys, index), take(prompt.values, index), index.int(), valid)


@dataclass
class Selection(Part):
    """Which units may be chosen and how many: `allowed` (B, H, units), `counts` (B,) units for each sequence."""

    allowed: Tensor
    counts: Tensor
    valid: Tensor
    """(B, N) false at padding."""
    previous: Tensor
    """(B, H, N) what the step before had read; bookkeeping of the ledger, not of the method."""

    @property
    def nbytes(self) -> int:
        """Masks that a method needs beyond its own tensors: none; these are bookkeeping of padding and reuse."""
        return 0


@dataclass
class Sealed:
    """One layer's prompt on its tiers.

    Attributes:
        index: predicts which units matter.
        keys: where selected keys come from.
        values: where selected values come from.
        residents: what is always read.
        selection: which units may be chosen, and how many.
        unit: tokens in a unit.
    """

    index: Index
    keys: Store
    values: Store
    residents: Residents
    selection: Selection
    unit: int

    def parts(self) -> Iterator[Part]:
        """Yield everything that holds tensors."""
        yield from (self.index, self.keys, self.values, self.residents, self.selection)

    def apply(self, change: Callable[[Tensor], Tensor]) -> None:
        """Reorder, repeat or pick sequences in every part."""
        for part in self.parts():
            part.apply(change)

    @property
    def length(self) -> int:
        """Prompt positions, padding included."""
        return self.selection.valid.shape[1]

    def select(self, query: Tensor, scaling: float) -> tuple[Tensor, Tensor]:
        """Choose the units with the largest attention that any query head of the group would give them.

        Softmax over all allowed units for each query head, then the maximum over the group, then the top of it: the
        selection of ShadowKV and of YAKV's accuracy form.

        Args:
            query: (B, H, G, D).
            scaling: of q·k.

        Returns:
            Token places (B, H, S), and (B, H, S) which of them count.
        """
        scores = self.index.scores(query).float() * scaling
        scores = scores.masked_fill(~self.selection.allowed.unsqueeze(2), float("-inf"))
        weights = scores.softmax(-1).nan_to_num().amax(2).masked_fill(~self.selection.allowed, -1.0)
        most = min(int(self.selection.counts.max()), weights.shape[-1])
        best, units = weights.topk(most, dim=-1)
        rank = torch.arange(most, device=units.device)
        chosen = (best >= 0) & (rank < self.selection.counts.view(-1, 1, 1))
        if self.unit == 1:
            return units, chosen
        inside = torch.arange(self.unit, device=units.device)
        tokens = (units.unsqueeze(-1) * self.unit + inside).flatten(2)
        valid = self.selection.valid.unsqueeze(1).expand(-1, tokens.shape[1], -1).gather(2, tokens)
        return tokens, chosen.repeat_interleave(self.unit, dim=-1) & valid

    def rebuild(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return the whole prompt's keys and values (B, H, N, D): residents exactly, the rest as the stores have it."""
        return (
            self._rebuild(self.keys, self.residents.keys, dtype),
            self._rebuild(self.values, self.residents.values, dtype),
        )

    def _rebuild(self, store: Store, exact: Tensor, dtype: torch.dtype) -> Tensor:
        batch, heads, units = self.selection.allowed.shape
        border = units * self.unit
        places = torch.arange(border, device=exact.device).expand(batch, heads, -1)
        rows = exact.new_zeros(batch, heads, self.length, exact.shape[-1], dtype=dtype)
        rows[:, :, :border] = store.read(places, dtype)
        index = self.residents.places.long().unsqueeze(-1).expand(-1, -1, -1, exact.shape[-1])
        return rows.scatter(2, index, exact.to(dtype))

    def moved_bytes(self, tokens: Tensor, chosen: Tensor) -> tuple[float, float]:
        """Return the bytes that this step's selection moves, without and with reuse of the last step's."""
        per_token = self.keys.moved_bytes_per_token + self.values.moved_bytes_per_token
        now = torch.zeros_like(self.selection.previous).scatter_(2, tokens, chosen)
        fresh = int((now & ~self.selection.previous).sum())
        self.selection.previous = now
        return int(chosen.sum()) * per_token, fresh * per_token


def window(prompt: Prompt, first: int) -> tuple[Tensor, Tensor]:
    """Return index and validity (B, H, R) of the prompt's places from `first` to its end."""
    batch, heads, length, _ = prompt.keys.shape
    places = torch.arange(first, length, device=prompt.keys.device)
    index = places.expand(batch, heads, -1)
    return index, prompt.valid[:, first:].unsqueeze(1).expand(-1, heads, -1)
