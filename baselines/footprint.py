"""What a strategy costs by its formulae, before any tensor exists: bytes on each tier, and bytes moved per step."""

from __future__ import annotations

from dataclasses import dataclass

BOOKKEEPING = 5
"""Bytes beside a resident token's key and value: its place (4) and whether it is no padding (1)."""


@dataclass(frozen=True)
class Geometry:
    """A model's tiered layers over one prompt without padding.

    Attributes:
        heads: kv-heads of a layer.
        group: query heads that share a kv-head, G.
        size: channels of a head, d.
        tokens: prompt tokens, N.
        element: bytes of a number in the model's keys and values.
        layers: layers with full attention.
    """

    heads: int
    group: int
    size: int
    tokens: int
    element: int = 2
    layers: int = 1

    @property
    def query_heads(self) -> int:
        """Query heads of a layer."""
        return self.heads * self.group

    @property
    def row(self) -> int:
        """Bytes of one exact key or value of one kv-head."""
        return self.size * self.element

    @property
    def full(self) -> Footprint:
        """Exact keys and values of the whole prompt on the device."""
        return Footprint(2 * self.heads * self.tokens * self.row)

    def rows(self, tokens: int) -> int:
        """Bytes of exact keys and values of `tokens` tokens, all kv-heads."""
        return 2 * self.heads * tokens * self.row

    def residents(self, tokens: int) -> int:
        """Bytes that `tokens` resident tokens of every kv-head take."""
        return self.heads * tokens * (2 * self.row + BOOKKEEPING)


@dataclass(frozen=True)
class Footprint:
    """Bytes of one layer over one prompt.

    Attributes:
        device: kept on the device.
        host: kept on the host, in memory or on disk.
        moved: from host to device for one decoding step, nothing reused.
    """

    device: float
    host: float = 0
    moved: float = 0

    def per_token(self, geometry: Geometry) -> Footprint:
        """Return the same for one prompt token of one kv-head."""
        units = geometry.tokens * geometry.heads
        return Footprint(self.device / units, self.host / units, self.moved / units)

    def __add__(self, other: Footprint) -> Footprint:
        """Add tier by tier."""
        return Footprint(self.device + other.device, self.host + other.host, self.moved + other.moved)

    def __mul__(self, factor: float) -> Footprint:
        """Scale every tier."""
        return Footprint(self.device * factor, self.host * factor, self.moved * factor)
