"""RULER's own data, as its scripts write it or as KVPress publishes it on the Hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from text2json.errors import SpecError, did_you_mean
from text2json.metrics.string_match import ruler_any, ruler_share
from text2json.schemas.sample import Sample
from text2json.schemas.task_sample import task_sample
from text2json.tasks.published import Row, local_path, occurrences, one_file, read_rows
from text2json.tasks.task import Task, TaskScore

LIMITS = {"niah": 128, "vt": 30, "cwe": 120, "fwe": 50, "qa": 32}
"""Family of subsets → RULER's generation limit."""
SUBSETS = ("niah_single_1", "niah_single_2", "niah_single_3", "niah_multikey_1", "niah_multikey_2", "niah_multikey_3",
           "niah_multivalue", "niah_multiquery", "vt", "cwe", "fwe", "qa_1", "qa_2")  # fmt: skip


@dataclass(frozen=True)
class Ruler(Task):
    """One of RULER's 13 subsets.

    Its scripts write JSONL with `index`, `input`, `outputs` and, in newer versions, `answer_prefix`, which belongs to
    the prompt. `simonjegou/ruler` on the Hub has all subsets in one table: `context`, `question`, `answer_prefix`,
    `answer`, `task`.

    Args:
        subset: which one.
        length: tokens of a prompt, as folders are named; 0 where the data has one length only.
    """

    subset: str = "niah_single_1"
    length: int = 0

    name: ClassVar[str] = "ruler"
    summary: ClassVar[str] = "RULER's 13 subsets, from its own files"
    metric: ClassVar[str] = "share of expected strings"
    rule: ClassVar[str] = "ruler-all"
    source: ClassVar[str] = "RULER (arXiv 2404.06654), github.com/NVIDIA/RULER; simonjegou/ruler on the Hub"
    licence: ClassVar[str] = "Apache-2.0; its haystacks and questions have licences of their own"
    made_here: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.subset not in SUBSETS:
            raise SpecError(f"ruler: no subset {self.subset!r}", remedy=did_you_mean(self.subset, SUBSETS))

    @property
    def family(self) -> str:
        """The kind of subset: niah, vt, cwe, fwe or qa."""
        return self.subset.partition("_")[0]

    @property
    def max_new_tokens(self) -> int:
        """RULER's limit for the family."""
        return LIMITS[self.family]

    def rule_for(self, sample: Sample) -> str:
        """Questions take any of their answers, everything else wants all strings."""
        return "ruler-any" if self.family == "qa" else self.rule

    def load(self, data: str | None = None) -> Iterator[Sample]:
        """Yield the subset's samples.

        Raises:
            DataError: there is no such data, or it is not as RULER writes it.
            SpecError: data is not named.
        """
        part = f"{self.length}/" if self.length else ""
        path = local_path(data, task=self.name, patterns=[f"{part}*"] if part else [])
        patterns = [f"{part}{self.subset}/*.jsonl", f"{part}**/{self.subset}/*.jsonl", f"{part}{self.subset}.jsonl",
                    f"{part}*.parquet"]  # fmt: skip
        file = one_file(path, patterns, task=self.spec, remedy="name the file, its folder, or a length")
        rows = (row for row in read_rows(file) if row.values.get("task", self.subset) == self.subset)
        for place, row in enumerate(rows):
            yield self._sample(row, place)

    def _sample(self, row: Row, place: int) -> Sample:
        if "context" in row.values:
            body, gold = row.text("context"), row.texts("answer")
            rest = f"{row.text('question')}\n{row.text('answer_prefix')}"
        else:
            body, gold = row.text("input"), row.texts("outputs")
            rest = next((row.text(key) for key in ("answer_prefix", "gen_prefix") if key in row.values), "")
        return task_sample(
            f"{self.subset}-{place:06d}",
            task=self.name,
            problem=body + rest,
            gold=gold,
            text_span=(0, len(body)),
            evidence=self._evidence(body, gold),
            knobs={"subset": self.subset},
            kind="external",
        )

    def _evidence(self, text: str, gold: list[str]) -> list[tuple[str, list[tuple[int, int]]]]:
        """Return where the expected strings stand: counting needs every place, a question any answer, others one."""
        found = [occurrences(text, string) for string in gold]
        if self.family == "qa":
            return [("[0]", sorted(span for spans in found for span in spans))]
        if self.family in ("cwe", "fwe"):
            return [(f"[{place}]", [span]) for place, spans in enumerate(found) for span in spans]
        return [(f"[{place}]", spans) for place, spans in enumerate(found)]

    def score(self, sample: Sample, output: str | None) -> TaskScore:
        """Look for the strings, whatever the case."""
        rule = ruler_any if self.family == "qa" else ruler_share
        return TaskScore(sample.id, rule(json.loads(sample.answer), output or ""))

    def ideal(self, sample: Sample) -> str:
        """Return the strings with commas between."""
        return ", ".join(json.loads(sample.answer))
