"""What a single sample may cost, so that no output can exhaust memory or time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on one sample; the report counts the samples that met one.

    Args:
        bytes: of the output's UTF-8 text; a longer output is not read and has the status `over_limit`.
        depth: of nested lists and objects in an answer; a deeper one has the status `over_limit`.
        table: of an answer's records times their distinct paths, which no answer below the limit of bytes reaches whose
            records have at least half of the paths; above it the status is `over_limit`.
        cells: of one alignment, gold records times predicted ones; above it records are paired greedily and the
            report says `exact: false`.
        seconds: for sorting a sample's wrong values into causes; what is left then is `unplaced`. No figure depends on
            the clock.
    """

    bytes: int = 64 << 20
    depth: int = 64
    table: int = 1 << 24
    cells: int = 1_000_000_000
    seconds: float = 30.0

    def __str__(self) -> str:
        return f"{self.bytes}B/{self.depth}/{self.table}/{self.cells}"


LIMITS = Limits()
