"""RULER-like aggregation: common words of a list, frequent words of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from text2json.generators.tasks import counting
from text2json.schemas.sample import Sample
from text2json.tasks.strings import StringsTask


@dataclass(frozen=True)
class CommonWords(StringsTask):
    """A numbered list in which some words stand more often than all others.

    Args:
        words: how many are common.
        often: how often each of them stands in the list.
        rarely: how often each other word does.
    """

    words: int = 10
    often: int = 30
    rarely: int = 3

    name: ClassVar[str] = "common-words"
    summary: ClassVar[str] = "the words that stand most often in a numbered list"

    def compose(self, number: int) -> Sample:
        """Return sample `number`."""
        return counting.compose_common(
            self.name, words=self.words, often=self.often, rarely=self.rarely, length=self.length, split=self.split,
            seed=self.seed, number=number,
        )  # fmt: skip


@dataclass(frozen=True)
class FrequentWords(StringsTask):
    """Code words whose counts fall as 1 / rank², the first rank being dots."""

    name: ClassVar[str] = "frequent-words"
    summary: ClassVar[str] = "the three most frequent words of a coded text"

    def compose(self, number: int) -> Sample:
        """Return sample `number`."""
        return counting.compose_frequent(self.name, length=self.length, split=self.split, seed=self.seed, number=number)
