"""RULER-like variable tracking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from text2json.generators.tasks import variables
from text2json.schemas.sample import Sample
from text2json.tasks.strings import StringsTask


@dataclass(frozen=True)
class VariableTracking(StringsTask):
    """Chains of assignments; all variables that hold one value are asked for.

    Args:
        chains: how many, each with a value of its own.
        hops: assignments of a chain from variable to variable.
    """

    chains: int = 1
    hops: int = 4

    name: ClassVar[str] = "variable-tracking"
    summary: ClassVar[str] = "all variables that hold one value, through a chain of assignments"

    def compose(self, number: int) -> Sample:
        """Return sample `number`."""
        return variables.compose(
            self.name, chains=self.chains, hops=self.hops, length=self.length, split=self.split, seed=self.seed,
            number=number,
        )  # fmt: skip
