"""What a sealed prompt is made of: tensors that belong to a tier.

Every part is a dataclass whose tensors have the batch as their first dimension, so that one rule reorders, repeats
and counts all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import ClassVar, Literal

import torch
from torch import Tensor

Tier = Literal["device", "host", "disk"]


@dataclass
class Part:
    """Tensors of one purpose on one tier."""

    tier: Tier
    purpose: str

    small: ClassVar[tuple[str, ...]] = ()
    """Names of tensors of a few bytes that stay on the device wherever the part lies."""

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the names and tensors of this part."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Tensor):
                yield field.name, value

    def apply(self, change: Callable[[Tensor], Tensor]) -> None:
        """Replace every tensor by `change` of it, as beam search and batch selection need."""
        for name, tensor in list(self.tensors()):
            setattr(self, name, change(tensor))

    def move(self, keep: Callable[[Tensor], Tensor]) -> None:
        """Replace every tensor but the small ones by what `keep` makes of it on another tier."""
        for name, tensor in list(self.tensors()):
            if name not in self.small:
                setattr(self, name, keep(tensor))

    @property
    def nbytes(self) -> int:
        """Bytes that the tensors really take."""
        return sum(tensor.nbytes for _, tensor in self.tensors())


def take(rows: Tensor, index: Tensor) -> Tensor:
    """Return rows (B, H, N, D) at index (B, H, S), as (B, H, S, D).

    Rows are flattened for one `index_select`, which on a CPU is several times faster than `gather`.
    """
    batch, heads, length, size = rows.shape
    base = _offsets(batch * heads, length, index)
    flat = rows.reshape(batch * heads * length, size)
    return flat.index_select(0, (index.reshape(batch * heads, -1) + base).reshape(-1)).view(*index.shape, size)


def fetch(rows: Tensor, index: Tensor) -> Tensor:
    """Return rows (B, H, N, D), on whichever tier, at index (B, H, S) on the device, as (B, H, S, D) there.

    From a host to a GPU, rows are gathered into pinned memory, from which the copy runs beside the host's next work;
    torch keeps that memory from being used again before the copy is done.
    """
    if rows.device == index.device:
        return take(rows, index)
    batch, heads, length, size = rows.shape
    home = index.to(rows.device)
    places = (home.reshape(batch * heads, -1) + _offsets(batch * heads, length, home)).reshape(-1)
    staged = torch.empty(places.numel(), size, dtype=rows.dtype, pin_memory=index.is_cuda)
    torch.index_select(rows.reshape(-1, size), 0, places, out=staged)
    return staged.view(*index.shape, size).to(index.device, non_blocking=True)


def take_shared(rows: Tensor, index: Tensor) -> Tensor:
    """Return rows (B, N, C) that all heads share at index (B, H, S), as (B, H, S, C)."""
    batch, length, size = rows.shape
    base = _offsets(batch, length, index)
    places = (index.reshape(batch, -1) + base).reshape(-1)
    return rows.reshape(batch * length, size).index_select(0, places).view(*index.shape, size)


def _offsets(rows: int, length: int, index: Tensor) -> Tensor:
    return index.new_tensor([row * length for row in range(rows)]).unsqueeze(1)
