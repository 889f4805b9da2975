"""Multi-needle retrieval, made here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from text2json.generators.tasks import needles
from text2json.metrics.string_match import needlebench_share
from text2json.schemas.sample import Sample
from text2json.tasks.task import GeneratedTask, TaskScore


@dataclass(frozen=True)
class Needles(GeneratedTask):
    """1 to 64 needles at even depths of a haystack, all asked for in one prompt.

    Args:
        needles: statements that are asked for.
        length: characters of a prompt, about.
    """

    needles: int = 11
    length: int = 40_000

    name: ClassVar[str] = "needles"
    summary: ClassVar[str] = "1 to 64 needles at even depths, all asked for at once"
    metric: ClassVar[str] = "share of keywords"
    rule: ClassVar[str] = "needlebench"
    source: ClassVar[str] = "samples made here, rule of NeedleBench multi-retrieval (arXiv 2407.11963)"

    @property
    def max_new_tokens(self) -> int:
        """Room for every word, in small vocabularies too."""
        return max(128, 24 * self.needles)

    def compose(self, number: int) -> Sample:
        """Return sample `number`."""
        return needles.compose(
            self.name, needles=self.needles, length=self.length, split=self.split, seed=self.seed, number=number
        )

    def score(self, sample: Sample, output: str | None) -> TaskScore:
        """Look for each keyword as it is written."""
        share = needlebench_share(json.loads(sample.answer), output or "")
        return TaskScore(sample.id, share, parts={"all_found": float(share == 1)})

    def ideal(self, sample: Sample) -> str:
        """Return the gold itself, a JSON list."""
        return sample.answer
