"""Tasks whose gold is a list of strings that the output must hold, scored by RULER's rule."""

from __future__ import annotations

import json
from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

from text2json.metrics.string_match import ruler_share
from text2json.schemas.sample import Sample
from text2json.tasks.task import GeneratedTask, TaskScore

RULER = "RULER (arXiv 2404.06654)"


@dataclass(frozen=True)
class StringsTask(GeneratedTask, ABC):
    """A generated control.

    Args:
        length: characters of a prompt, about.
    """

    length: int = 20_000

    metric: ClassVar[str] = "share of expected strings"
    rule: ClassVar[str] = "ruler-all"
    source: ClassVar[str] = f"samples made here, rule of {RULER}"

    @property
    def max_new_tokens(self) -> int:
        """RULER's limit for its needle tasks, and its widest."""
        return 128

    def score(self, sample: Sample, output: str | None) -> TaskScore:
        """Look for each string, whatever the case."""
        share = ruler_share(json.loads(sample.answer), output or "")
        return TaskScore(sample.id, share, parts={"all_found": float(share == 1)})

    def ideal(self, sample: Sample) -> str:
        """Return the gold itself, a JSON list."""
        return sample.answer
