"""The observer of a diagnosis: at each step, what every layer read, against exact attention of the same query.

It holds one step at a time; whoever drives the model takes each step with `take` and adds it up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from text2json.baselines.cache import Read, TieredLayer
from text2json.baselines.diagnosis.exact import attend
from text2json.baselines.diagnosis.measures import group_weights, overlap, restricted, squared
from text2json.baselines.indexes import ExactKeys
from text2json.baselines.sealed import Sealed
from text2json.baselines.stores import ExactStore, IndexedKeys, Store

SUMS = (
    "steps", "mass_read", "mass_prompt", "mass_lost", "overlap", "key_error", "key_norm", "value_error", "value_norm",
    "output_error", "selection_error", "store_error", "output_norm",
)  # fmt: skip
"""What is summed over steps for each layer and head; errors and norms are squares."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """One decoding step, all observed layers.

    Args:
        figures: (layers, H_q, len(SUMS)).
        read: (layers, H_q, M) which of the watched tokens each head read.
        mass: (layers, H_q, M) exact attention on them.
    """

    figures: Array
    read: NDArray[np.bool_]
    mass: Array


class Probe:
    """Sees every layer of one sequence.

    Args:
        prompt: layer → its exact keys and values (1, H, N, D), from wherever they are kept.
        watched: (M,) the prompt's tokens that evidence stands in.
    """

    def __init__(self, prompt: Callable[[int], tuple[Tensor, Tensor]], watched: Tensor) -> None:
        self.prompt = prompt
        self.watched = watched
        self.places: list[int] = []
        """The layers observed, in the order in which the model calls them."""
        self.exact_stores = self.exact_selection = True
        """Whether every layer so far keeps what it selects exactly, and reads everything."""
        self._layers: list[tuple[Tensor, Tensor, Tensor]] = []

    def see(self, layer: TieredLayer, query: Tensor, scaling: float, output: Tensor, read: Read | None) -> None:
        """Measure one layer's step."""
        keys, values = (rows[0] for rows in self.prompt(layer.place))
        recent = self._recent(layer, keys.shape[1])
        heads, size = keys.shape[0], keys.shape[2]
        packed = query[0, :, 0].view(heads, -1, size)
        exact = attend(packed, scaling, (keys, values), recent)
        group = packed.shape[1]
        ours = output[0, 0].view(heads, group, size).float()
        figures = torch.zeros(heads, group, len(SUMS), dtype=torch.float64)
        sealed = layer.sealed
        if read is None or sealed is None:
            seen = torch.ones_like(exact.weights, dtype=torch.bool)
            selection, errors = ours.new_ones(heads, group), None
        else:
            resident, selected = masks(sealed, read, keys.shape[1])
            seen = (selected | resident.repeat_interleave(selected.shape[0] // heads, 0)).view(heads, -1, keys.shape[1])
            seen = seen.expand(heads, group, -1)
            candidates = ~resident.repeat_interleave(selected.shape[0] // heads, 0)
            ranked = group_weights(exact.weights, candidates, selected.shape[0])
            selection = overlap(ranked, selected & candidates, candidates).view(heads, -1).expand(heads, group)
            errors = store_errors(sealed, read, (keys, values))
            self.exact_stores &= is_exact(sealed.keys) and is_exact(sealed.values)
            self.exact_selection &= sealed.index is None and bool(seen.all())
        whole, part = exact.weights.sum(-1), (exact.weights * seen).sum(-1)
        alone = restricted(exact, seen, values, recent[1])
        for name, figure in (
            ("steps", torch.ones_like(whole)), ("mass_read", part), ("mass_prompt", whole),
            ("mass_lost", whole - part), ("overlap", selection), ("output_error", squared(ours - exact.output)),
            ("selection_error", squared(alone - exact.output)), ("store_error", squared(ours - alone)),
            ("output_norm", squared(exact.output)),
        ):  # fmt: skip
            figures[..., SUMS.index(name)] = figure.cpu()
        if errors is not None:
            first = SUMS.index("key_error")
            figures[..., first : first + 4] = errors.view(heads, -1, 4).expand(heads, group, 4).cpu()
        if layer.place not in self.places:
            self.places.append(layer.place)
        self._layers.append((figures.flatten(0, 1), seen[..., self.watched].flatten(0, 1).cpu(),
                             exact.weights[..., self.watched].flatten(0, 1).cpu()))  # fmt: skip

    def _recent(self, layer: TieredLayer, length: int) -> tuple[Tensor, Tensor]:
        """Return keys and values (H, R, D) of generated tokens; a layer that keeps its prompt has it before them."""
        first = 0 if layer.sealed is not None else length
        return layer.keys[0, :, first:], layer.values[0, :, first:]

    def take(self) -> Step:
        """Return the step since the last call, and forget it."""
        figures, read, mass = (torch.stack(parts).numpy() for parts in zip(*self._layers, strict=True))
        self._layers = []
        return Step(figures, read, mass.astype(np.float64))


def masks(sealed: Sealed, read: Read, length: int) -> tuple[Tensor, Tensor]:
    """Return which of `length` tokens are residents (H, N), and which were selected (H or H_q, N)."""
    residents = sealed.residents
    return _mask(residents.places[0], residents.valid[0], length), _mask(read[0][0], read[1][0], length)


def _mask(places: Tensor, counts: Tensor, length: int) -> Tensor:
    """Return (H, length) which places (H, S) count; one that does not may stand for one that does."""
    found = places.new_zeros(places.shape[0], length, dtype=torch.int32)
    return found.scatter_add_(1, places.long(), counts.int()) > 0


def store_errors(sealed: Sealed, read: Read, prompt: tuple[Tensor, Tensor]) -> Tensor:
    """Return (H or H_q, 4): squared error and norm of the selected keys, then of the selected values."""
    tokens, chosen = read
    heads = prompt[0].shape[0]
    places = tokens.reshape(1, heads, -1).long()
    counts = chosen.reshape(1, heads, -1)
    sums = []
    for store, rows in zip((sealed.keys, sealed.values), prompt, strict=True):
        exact = rows[torch.arange(heads, device=rows.device).unsqueeze(1), places[0]].unsqueeze(0)
        error = torch.zeros_like(exact[..., 0].float()) if is_exact(store) else squared(
            store.read(places, rows.dtype).float() - exact.float())  # fmt: skip
        sums += [error * counts, squared(exact) * counts]
    return torch.stack(sums, -1).view(*tokens.shape[1:], 4).sum(1)


def is_exact(store: Store) -> bool:
    """Tell whether a store gives back what it was given."""
    return isinstance(store, ExactStore) or (isinstance(store, IndexedKeys) and isinstance(store.index, ExactKeys))
