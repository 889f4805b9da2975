"""Text2JSON itself: records from a long text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from text2json.schemas.sample import Sample
from text2json.tasks.task import OWN_LICENCE, Task, TaskScore


@dataclass(frozen=True)
class Extraction(Task):
    """Documents of one of the configurations, a data folder, or the paper's file.

    Args:
        config: a configuration of `text2json datasets`, unless data is named.
        samples: how many; 0 for the configuration's own number.
        seed: another one gives other documents.
        split: `train` or `test`.
    """

    config: str = "short"
    samples: int = 0
    seed: int = 0
    split: str = "test"

    name: ClassVar[str] = "text2json"
    summary: ClassVar[str] = "all records that a long text describes, as JSON"
    metric: ClassVar[str] = "record F1"
    rule: ClassVar[str] = "records-micro"
    source: ClassVar[str] = "arXiv 2604.08426; documents made here, or the paper's JSONL"
    licence: ClassVar[str] = OWN_LICENCE

    @property
    def max_new_tokens(self) -> int:
        """The paper's limit."""
        return 1024

    def load(self, data: str | None = None) -> Iterator[Sample]:
        """Make the documents, or read them.

        Raises:
            DataError: there is no such data, or it is broken.
            SpecError: the options are impossible.
        """
        from text2json.data import iter_samples
        from text2json.generators import generate

        if data is not None:
            return iter_samples(data)
        return generate(self.config, split=self.split, seed=self.seed, samples=self.samples or None)

    def score(self, sample: Sample, output: str | None) -> TaskScore:
        """Count records that are right in every leaf; the score is the micro F1, as `text2json score` has it."""
        from text2json.metrics.scoring import score_sample

        found = score_sample(sample, output)
        parts = {"field_f1": found.fields.f1, "schema_valid": float(found.valid)}
        if found.paper is not None and found.paper.score is not None:
            parts["paper"] = found.paper.score
        records = found.records
        return TaskScore(sample.id, 2 * records.right, records.predicted + records.gold, parts)

    def ideal(self, sample: Sample) -> str:
        """Return the gold itself."""
        return sample.answer
