"""RULER-like needle tasks: single needle, multi-key, multi-value, multi-query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from text2json.generators.tasks import numbers
from text2json.schemas.sample import Sample
from text2json.tasks.strings import StringsTask


@dataclass(frozen=True)
class SingleNeedle(StringsTask):
    """One key with one number.

    Args:
        keys: things that have numbers.
        values: numbers of each.
        queries: things whose numbers are asked for.
    """

    keys: int = 1
    values: int = 1
    queries: int = 1

    name: ClassVar[str] = "single-needle"
    summary: ClassVar[str] = "one number in a haystack"

    def compose(self, number: int) -> Sample:
        """Return sample `number`."""
        return numbers.compose(
            self.name, keys=self.keys, values=self.values, queries=self.queries, length=self.length,
            split=self.split, seed=self.seed, number=number,
        )  # fmt: skip


@dataclass(frozen=True)
class MultiKey(SingleNeedle):
    """Four keys, one of which is asked for."""

    keys: int = 4

    name: ClassVar[str] = "multi-key"
    summary: ClassVar[str] = "one number asked for, three others beside it"


@dataclass(frozen=True)
class MultiValue(SingleNeedle):
    """One key with four numbers, all asked for."""

    values: int = 4

    name: ClassVar[str] = "multi-value"
    summary: ClassVar[str] = "four numbers of one key"


@dataclass(frozen=True)
class MultiQuery(SingleNeedle):
    """Four keys, all asked for."""

    keys: int = 4
    queries: int = 4

    name: ClassVar[str] = "multi-query"
    summary: ClassVar[str] = "the numbers of four keys"
