"""A sealed prompt: index, stores and residents of one layer, and how a decoding step reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from text2json.baselines.host import Host
from text2json.baselines.indexes import Index
from text2json.baselines.kernels import calls
from text2json.baselines.kernels.calls import Coded, Stretch
from text2json.baselines.kernels.library import KINDS, Chain, serves
from text2json.baselines.kernels.replay import Replay
from text2json.baselines.parts import Part, take
from text2json.baselines.prompt import Prompt
from text2json.baselines.rules import CHAINED, Rule, largest, softmax_max
from text2json.baselines.stores import ExactStore, Store


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
    def where(cls, prompt: Prompt, mask: Tensor) -> Residents:
        """Keep the tokens that `mask` (B, H, N) names; rows that name fewer than others are filled up, not valid."""
        most = int(mask.sum(-1).max())
        valid, places = mask.int().sort(dim=-1, descending=True, stable=True)
        return cls.at(prompt, places[..., :most], valid[..., :most].bool())

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
    rule: Rule = softmax_max
    """From scores to the weights that units are picked by."""
    margin: float | None = None
    """A unit counts where its weight is at most this below the best; `counts` is then a cap (InfiniGen)."""
    marks: Tensor | None = None
    """(B, H or H_q, units) 1 where the step before had read; bookkeeping of the ledger, not of the method."""
    last: Tensor | None = None
    """(B, H or H_q, S) the units that are marked."""

    def how_many(self, weights: Tensor) -> Tensor:
        """Return (B,) units to pick: `counts`, or with a margin the mean over heads of those within it."""
        if self.margin is None:
            return self.counts
        near = (weights >= weights.amax(-1, keepdim=True) - self.margin) & weights.isfinite()
        return near.sum(-1).float().mean(1).long().clamp(min=1).minimum(self.counts)

    def new_tokens(self, tokens: Tensor, chosen: Tensor, length: int, unit: int = 1) -> Tensor:
        """Count (.., 2) the chosen tokens (B, H or H_q, S * unit), and those that the step before had not read.

        Remembers this step's. Marks are set and taken back at the chosen places alone: a step costs nothing that grows
        with the prompt.
        """
        units, many = -(-length // unit), tokens.shape[2] // unit
        if self.marks is None or self.last is None or self.marks.shape != (*tokens.shape[:2], units):
            self.marks = torch.zeros(*tokens.shape[:2], units, dtype=torch.uint8, device=tokens.device)
            self.last = torch.zeros(*tokens.shape[:2], many, dtype=torch.int64, device=tokens.device)
        found = calls.mark(tokens, chosen, self.last, self.marks, unit)
        if found is not None:
            counts, self.last = found
            return counts
        now, each = tokens[..., ::unit] // unit, chosen.unflatten(2, (-1, unit)).sum(-1)
        fresh = each * (self.marks.gather(2, now) == 0)
        self.marks.scatter_(2, self.last, 0).scatter_add_(2, now, (each > 0).to(torch.uint8))
        self.last = now
        return torch.stack([each.sum(), fresh.sum()]).unsqueeze(0)

    @property
    def nbytes(self) -> int:
        """Masks that a method needs beyond its own tensors: none; these are bookkeeping of padding and reuse."""
        return 0


@dataclass
class Sealed:
    """One layer's prompt on its tiers.

    Attributes:
        index: predicts which units matter; None where every allowed unit is read.
        keys: where selected keys come from.
        values: where selected values come from.
        residents: what is always read.
        selection: which units may be chosen, and how many.
        unit: tokens in a unit.
        host: where the parts of the host tier lie, once they have been moved there.
    """

    index: Index | None
    keys: Store
    values: Store
    residents: Residents
    selection: Selection
    unit: int
    host: Host | None = None
    replay: Replay | None = None
    """The last step's kernels, where they can be run again as they are."""

    @classmethod
    def of_residents(cls, prompt: Prompt, kept: Tensor) -> Sealed:
        """Keep the tokens that `kept` (B, H, N) names on the device, exact, and throw the rest away."""
        nothing = prompt.keys[:, :, :0].contiguous()
        allowed = kept[..., :0]
        return cls(
            index=None,
            keys=ExactStore("device", "keys", nothing),
            values=ExactStore("device", "values", nothing),
            residents=Residents.where(prompt, kept),
            selection=Selection("device", "selection", allowed, prompt.tokens, prompt.valid),
            unit=1,
        )

    def parts(self) -> Iterator[Part]:
        """Yield everything that holds tensors."""
        parts = (self.index, self.keys, self.values, self.residents, self.selection)
        yield from (part for part in parts if part is not None)

    def settle(self, host: Host) -> None:
        """Move what belongs to the host tier off the device."""
        self.host = host
        for part in self.parts():
            if part.tier == "host":
                part.tier = host.tier
                part.move(host.keep)

    def apply(self, change: Callable[[Tensor], Tensor]) -> None:
        """Reorder, repeat or pick sequences in every part; what they become lies where it lay."""
        for part in self.parts():
            part.apply(change)
            if part.tier != "device" and self.host is not None:
                part.move(self.host.keep)

    @property
    def stored_bytes(self) -> int:
        """Bytes off the device, which a pass over the whole prompt fetches."""
        return sum(part.nbytes for part in self.parts() if part.tier != "device")

    @property
    def length(self) -> int:
        """Prompt positions, padding included."""
        return self.selection.valid.shape[1]

    def select(self, query: Tensor, scaling: float) -> tuple[Tensor, Tensor]:
        """Choose the units that weigh most under the selection's rule; without an index, all that are allowed.

        Args:
            query: (B, H, G, D).
            scaling: of q·k.

        Returns:
            Token places (B, H, S), and (B, H, S) which of them count; H * G in place of H where each query head
            chooses for itself.
        """
        allowed = self.selection.allowed
        if self.index is None:
            return torch.arange(allowed.shape[2], device=allowed.device).expand(allowed.shape), allowed
        weights = self.selection.rule(self.index.scores(query).float(), allowed, scaling)
        counts = self.selection.how_many(weights)
        units, chosen = largest(weights, counts, min(max(counts.tolist()), weights.shape[-1]))
        if self.unit == 1:
            return units, chosen
        found = calls.spread_units(units, chosen, self.unit, self.selection.valid)
        if found is not None:
            return found
        inside = torch.arange(self.unit, device=units.device)
        tokens = (units.unsqueeze(-1) * self.unit + inside).flatten(2)
        valid = self.selection.valid.unsqueeze(1).expand(-1, tokens.shape[1], -1).gather(2, tokens)
        return tokens, chosen.repeat_interleave(self.unit, dim=-1) & valid

    def stretches(self, tokens: Tensor, chosen: Tensor, dtype: torch.dtype, *, chained: bool = False) -> list[Stretch]:
        """Fetch what a step reads from the prompt: the selected tokens, then the residents.

        Args:
            tokens: places (B, C, S), as `select` returns them.
            chosen: (B, C, S) which of them count.
            dtype: of keys and values.
            chained: the step is nothing but kernels, which may take values as codes.
        """
        heads = self.residents.keys.shape[1]
        keys, key_places = self.keys.lend(tokens, heads, dtype)
        values, value_places = self._lend_values(tokens, heads, dtype, chained)
        if self.index is not None and self.index.keeps_fetched:
            if key_places is not None:
                keys, key_places = self.keys.fetch(tokens, heads, dtype), None
            self.index.fetched(tokens, chosen, keys)
        always = self.residents
        return [
            Stretch(keys, values, tokens.shape[2], key_places, value_places, chosen),
            Stretch(always.keys, always.values, always.keys.shape[2], known=always.valid),
        ]

    def _lend_values(
        self, tokens: Tensor, heads: int, dtype: torch.dtype, chained: bool
    ) -> tuple[Tensor | Coded, Tensor | None]:
        coded = self.values.coded() if chained else None
        return self.values.lend(tokens, heads, dtype) if coded is None else (coded, tokens)

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
        kept = torch.where(self.residents.valid.unsqueeze(-1), exact.to(dtype), rows.gather(2, index))
        return rows.scatter(2, index, kept)

    def chained(self, query: Tensor) -> bool:
        """Tell whether a step with this query is nothing but kernels, which then run in one go."""
        return (
            self.index is not None
            and self.index.chained
            and not self.index.keeps_fetched
            and self.selection.rule in CHAINED
            and self.selection.margin is None
            and query.dtype in KINDS
            and self.residents.keys.dtype == query.dtype
            and serves(query, self.selection.allowed)
            and self.keys.chained(query.dtype)
            and self.values.chained(query.dtype)
        )

    def keep_chain(self, made: Chain, query: Tensor, counted: Tensor, scaling: float) -> None:
        """Keep a step's chain, to be run again while nothing but the query and the generated tokens change."""
        self.replay = Replay.of(made, query, counted, scaling, list(self.parts()))

    def counted(self, tokens: Tensor, chosen: Tensor) -> Tensor:
        """Count (.., 2) what this step's selection reads, without and with reuse of the last step's.

        Where everything is read, it streams through the device at every step, and nothing is left to reuse.
        """
        if self.index is None:
            return chosen.sum().expand(1, 2)
        return self.selection.new_tokens(tokens, chosen, self.length, self.unit)

    def bytes_of(self, counted: Tensor) -> tuple[float, float]:
        """Return the bytes that such counts of tokens move."""
        per_token = self.keys.moved_bytes_per_token + self.values.moved_bytes_per_token
        every, fresh = (sum(column) for column in zip(*counted.tolist(), strict=True))
        return every * per_token, fresh * per_token

    def moved_bytes(self, tokens: Tensor, chosen: Tensor) -> tuple[float, float]:
        """Return the bytes that this step's selection moves, without and with reuse of the last step's."""
        return self.bytes_of(self.counted(tokens, chosen))

    def evicted(self) -> Tensor | None:
        """Return which places (B, H, N) no tier keeps any more, or None where there are none."""
        border = self.selection.allowed.shape[2] * self.unit
        unstored = torch.arange(self.length, device=self.residents.keys.device) >= border
        where = self.residents.places.long()
        lost = unstored.expand(*where.shape[:2], -1).scatter(2, where, ~self.residents.valid)
        lost = lost & unstored & self.selection.valid.unsqueeze(1)
        return lost if bool(lost.any()) else None


def window(prompt: Prompt, first: int) -> tuple[Tensor, Tensor]:
    """Return index and validity (B, H, R) of the prompt's places from `first` to its end."""
    batch, heads, length, _ = prompt.keys.shape
    places = torch.arange(first, length, device=prompt.keys.device)
    index = places.expand(batch, heads, -1)
    return index, prompt.valid[:, first:].unsqueeze(1).expand(-1, heads, -1)
