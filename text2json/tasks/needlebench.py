"""NeedleBench's multi-needle retrieval, made from its own needles and essays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from text2json.errors import DataError, SpecError
from text2json.generators.bits import Bits
from text2json.generators.tasks.haystack import even_depths
from text2json.metrics.string_match import needlebench_share
from text2json.schemas.sample import Sample
from text2json.schemas.task_sample import task_sample
from text2json.tasks.published import Row, local_path, one_file, read_rows
from text2json.tasks.task import Task, TaskScore

NEEDLES = "needles.jsonl"
LANGUAGE = "English"
HEAD = "Read the document below. After it, answer the questions one by one from what it says.\n\n<document>\n"
TAIL = "\n</document>\n\n{questions}\nAnswer in this form: {forms}\n\nAnswer:"


@dataclass(frozen=True)
class NeedleBench(Task):
    """Needles with different subjects and answers at even depths of shuffled essays, all asked for in one prompt.

    Published are the parts, not the prompts: `needles.jsonl` with `needle`, `arg1`, `arg2`, `retrieval_question` and
    `language`, and essays as JSONL with `text`. OpenCompass draws needles without a seed, so its prompts cannot be had
    again; ours have its composition, the stream of choices of this project, and lengths in characters.

    Args:
        needles: how many are asked for.
        length: characters of a prompt, about.
        samples: how many.
        seed: another one gives other samples.
        essays: the file of the haystack.
    """

    needles: int = 11
    length: int = 500_000
    samples: int = 100
    seed: int = 0
    essays: str = "PaulGrahamEssays.jsonl"

    name: ClassVar[str] = "needlebench"
    summary: ClassVar[str] = "NeedleBench's multi-needle retrieval, from its own needles and essays"
    metric: ClassVar[str] = "share of keywords"
    rule: ClassVar[str] = "needlebench"
    source: ClassVar[str] = "NeedleBench (arXiv 2407.11963), OpenCompass; opencompass/NeedleBench on the Hub"
    licence: ClassVar[str] = "the essays are copyrighted and must not be passed on"
    made_here: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.needles < 1 or self.samples < 1:
            raise SpecError(f"needlebench: needles={self.needles}, samples={self.samples}", remedy="give at least 1")

    @property
    def max_new_tokens(self) -> int:
        """Room for a sentence a needle."""
        return max(128, 48 * self.needles)

    def load(self, data: str | None = None) -> Iterator[Sample]:
        """Yield the samples.

        Raises:
            DataError: there is no such data, or it is not as NeedleBench publishes it.
            SpecError: the needles do not fit.
        """
        folder = local_path(data, task=self.name, default="opencompass/NeedleBench", patterns=[NEEDLES, self.essays])
        remedy = f"give a folder with {NEEDLES} and {self.essays}"
        needles = [
            row for row in read_rows(_in(folder, NEEDLES, self.spec, remedy)) if row.values.get("language") == LANGUAGE
        ]
        essays = [row.text("text") for row in read_rows(_in(folder, self.essays, self.spec, remedy))]
        for number in range(self.samples):
            yield self._compose(needles, essays, number, folder)

    def _compose(self, needles: list[Row], essays: list[str], number: int, folder: Path) -> Sample:
        bits = Bits("text2json needlebench", self.needles, self.length, self.seed, number)
        drawn = different(bits.sample(needles, len(needles)), self.needles)
        if len(drawn) < self.needles:
            raise DataError(f"holds {len(drawn)} different needles, not {self.needles}", file=folder / NEEDLES,
                            remedy="lower needles")  # fmt: skip
        asked = [row.text("retrieval_question") for row in drawn]
        questions = " ".join(question.partition("?")[0] + "?" for question in asked)
        tail = TAIL.format(questions=questions, forms="; ".join(filter(None, map(form, asked))))
        statements = [f"\n{row.text('needle')}\n" for row in drawn]
        room = self.length - len(HEAD) - len(tail) - sum(map(len, statements))
        if room < 0:
            raise SpecError(f"needlebench: {self.needles} needles do not fit into {self.length} characters",
                            remedy="raise length or lower needles")  # fmt: skip
        text, starts = _buried(statements, _haystack(essays, room, bits))
        keywords = [row.text("arg2") for row in drawn]
        evidence = []
        for place, (start, statement, keyword) in enumerate(zip(starts, statements, keywords, strict=True)):
            found = statement.find(keyword)
            low = len(HEAD) + start + max(found, 0)
            high = low + (len(keyword) if found >= 0 else len(statement))
            evidence.append((f"[{place}]", [(low, high)]))
        return task_sample(
            f"{self.name}-{number:06d}",
            task=self.name,
            problem=HEAD + text + tail,
            gold=keywords,
            text_span=(len(HEAD), len(HEAD) + len(text)),
            evidence=evidence,
            knobs={"needles": self.needles, "length": self.length},
            kind="external",
        )

    def score(self, sample: Sample, output: str | None) -> TaskScore:
        """Look for each keyword as it is written."""
        share = needlebench_share(json.loads(sample.answer), output or "")
        return TaskScore(sample.id, share, parts={"all_found": float(share == 1)})

    def ideal(self, sample: Sample) -> str:
        """Return the keywords with commas between."""
        return ", ".join(json.loads(sample.answer))


def different(rows: list[Row], count: int) -> list[Row]:
    """Return the first `count` rows of which no two have the same subject or the same answer."""
    subjects: set[str] = set()
    answers: set[str] = set()
    found: list[Row] = []
    for row in rows:
        subject, answer = row.text("arg1"), row.text("arg2")
        if len(found) < count and subject not in subjects and answer not in answers:
            subjects.add(subject)
            answers.add(answer)
            found.append(row)
    return found


def form(question: str) -> str:
    """Return the form of answer that a question wants: what stands between its quotes, up to a full stop."""
    parts = question.split("'")
    return parts[1].partition(".")[0] if len(parts) > 1 else ""


def _in(folder: Path, name: str, task: str, remedy: str) -> Path:
    if folder.is_file():
        raise DataError("is a file", file=folder, remedy=remedy)
    return one_file(folder, [name], task=task, remedy=remedy)


def _haystack(essays: list[str], room: int, bits: Bits) -> str:
    """Return shuffled essays cut to `room` characters; less where there are not so many."""
    order = list(essays)
    bits.shuffle(order)
    parts: list[str] = []
    size = 0
    for essay in order:
        if size >= room:
            break
        parts.append(essay)
        size += len(essay)
    return "".join(parts)[:room]


def _buried(statements: list[str], hay: str) -> tuple[str, list[int]]:
    """Put the statements at even depths, each at the next space; return the text and where each begins."""
    parts: list[str] = []
    starts: list[int] = []
    done = length = 0
    for depth, statement in zip(even_depths(len(statements)), statements, strict=True):
        wanted = len(hay) * depth // 1000
        space = hay.find(" ", wanted) if wanted > 0 else 0
        place = max(done, space if space >= 0 else len(hay))
        parts += [hay[done:place], statement]
        starts.append(length + place - done)
        length = starts[-1] + len(statement)
        done = place
    return "".join([*parts, hay[done:]]), starts
