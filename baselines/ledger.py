"""The ledger: what is kept on which tier, and what crosses between them, in bytes of real tensors."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Ledger:
    """Bytes of one cache, all layers and sequences together unless a name says otherwise.

    Figures per token divide by the stored prompt positions of all sequences, padding included, since padding is
    stored too; what generated tokens take is left out of them, as every strategy keeps those alike.
    """

    kept: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """(tier, purpose) → bytes now."""
    positions: int = 0
    """Stored prompt positions: batch size times padded length."""
    batch: int = 1
    steps: int = 0
    """Decoding steps that read from the sealed prompt."""
    moved: float = 0.0
    """Bytes from host to device over all steps, nothing reused."""
    moved_with_reuse: float = 0.0
    """The same without what the step before had fetched already."""
    refetched: float = 0.0
    """Bytes from host to device for passes of several tokens over a sealed prompt: second turns, drafts to verify."""

    def tier_bytes(self, tier: str, *, generated: bool = True) -> int:
        """Return the bytes on a tier, with or without those of generated tokens."""
        return sum(
            size
            for (where, purpose), size in self.kept.items()
            if where == tier and (generated or purpose != "generated")
        )

    @property
    def device_bytes(self) -> int:
        """Bytes on the device."""
        return self.tier_bytes("device")

    @property
    def host_bytes(self) -> int:
        """Bytes on the host, in memory and on disk."""
        return self.tier_bytes("host") + self.disk_bytes

    @property
    def disk_bytes(self) -> int:
        """Bytes of the host tier that lie on disk."""
        return self.tier_bytes("disk")

    @property
    def device_bytes_per_token(self) -> float:
        """Device bytes per prompt token, all layers and kv-heads together."""
        return self.tier_bytes("device", generated=False) / max(1, self.positions)

    @property
    def host_bytes_per_token(self) -> float:
        """Host bytes per prompt token, all layers and kv-heads together."""
        return self.host_bytes / max(1, self.positions)

    @property
    def moved_bytes_per_step(self) -> float:
        """Mean bytes from host to device for one decoded token of one sequence, all layers."""
        return self.moved / max(1, self.steps * self.batch)

    @property
    def moved_bytes_per_step_with_reuse(self) -> float:
        """The same without what the step before had fetched already."""
        return self.moved_with_reuse / max(1, self.steps * self.batch)

    def to_dict(self) -> dict[str, Any]:
        """Return every figure as plain values."""
        return {
            "kept": {f"{tier}/{purpose}": size for (tier, purpose), size in sorted(self.kept.items())},
            "device_bytes": self.device_bytes,
            "host_bytes": self.host_bytes,
            "disk_bytes": self.disk_bytes,
            "device_bytes_per_token": self.device_bytes_per_token,
            "host_bytes_per_token": self.host_bytes_per_token,
            "steps": self.steps,
            "moved_bytes_per_step": self.moved_bytes_per_step,
            "moved_bytes_per_step_with_reuse": self.moved_bytes_per_step_with_reuse,
            "refetched_bytes": self.refetched,
        }
