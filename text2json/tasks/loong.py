"""Loong: questions on about eleven documents each, from a clone of its repository; a judging model scores them."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from glob import escape
from pathlib import Path
from typing import Any, ClassVar

from text2json.errors import DataError, SpecError
from text2json.generators.bits import Bits
from text2json.metrics.judge import read_rating
from text2json.schemas.sample import Sample
from text2json.schemas.task_sample import task_sample
from text2json.tasks.published import Row, local_path, one_file, read_json, read_rows
from text2json.tasks.task import JudgedTask, TaskScore

TYPES = ("financial", "legal", "paper")
LANGUAGES = ("en", "zh")
VERDICTS = "阅读以上判决文书，我将给你若干份判决结果："
"""Opens the questions that ask which verdict belongs to which case."""
PROMPT = """You compare an answer with the right one.

Question:
{}

The right answer:
{}

The answer to be judged:
{}

Judge two things. Is it true: does the answer agree with the right one in meaning, in every number and in every order, \
with nothing made up? Is it whole: does it hold every key point that the question asks for? What goes beyond that may \
be missing. The right answer is to be taken as right.
Rate the answer from 1 to 100; one that is both true and whole gets 100. Give your reasons first, in no more than 100 \
words, without favour. Then end with the rating in two brackets, as in this line:
Rating: [[100]]"""
"""Ours, by the aspects and the scale that the paper describes; a clone's own prompt takes its place."""


@dataclass(frozen=True)
class Loong(JudgedTask):
    """Loong's 1,600 questions, or a part of them.

    A clone has `data/loong.jsonl` and the documents under `data/doc/`; a file with the documents already in a column
    `docs` is read too. The judge's prompt is the clone's own, in `src/utils/prompt.py`, read as data and never run;
    without a clone it is ours, and the signature tells them apart.

    Args:
        type: financial, legal or paper; empty for all.
        language: en or zh; empty for both.
        level: 1 spotlight locating, 2 comparison, 3 clustering, 4 chain of reasoning; 0 for all.
        set: 1 (10K to 50K tokens) to 4 (over 200K); 0 for all.
        hide_verdicts: leave the verdict out of the cases whose verdict is asked for. The published code means to, looks
            for the question in the wrong field and leaves it in, which gives the answer away.
        judge: the judging model.
    """

    type: str = ""
    language: str = ""
    level: int = 0
    set: int = 0
    hide_verdicts: bool = False

    name: ClassVar[str] = "loong"
    summary: ClassVar[str] = "Loong: questions on about eleven long documents each, scored by a judging model"
    metric: ClassVar[str] = "mean rating"
    rule: ClassVar[str] = "loong-judge"
    source: ClassVar[str] = "Loong (arXiv 2406.17419), github.com/MozerWang/Loong"
    licence: ClassVar[str] = "Apache-2.0; the documents belong to their publishers"
    made_here: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name, known in (("type", TYPES), ("language", LANGUAGES)):
            if getattr(self, name) and getattr(self, name) not in known:
                raise SpecError(f"loong: no {name} {getattr(self, name)!r}", remedy=f"one of: {', '.join(known)}")
        for name in ("level", "set"):
            if not 0 <= getattr(self, name) <= 4:
                raise SpecError(f"loong: no {name} {getattr(self, name)}", remedy="give 1 to 4, or 0 for all")

    @property
    def max_new_tokens(self) -> int:
        """Room for lists and reasons."""
        return 2048

    def rule_for(self, sample: Sample) -> str:
        """The rule with the judge's name and its prompt's."""
        model = self.judge.model if self.judge is not None else "none"
        prompt = hashlib.sha256(json.loads(sample.knobs)["prompt"].encode()).hexdigest()[:8]
        return f"{self.rule}({model},prompt={prompt})"

    def load(self, data: str | None = None) -> Iterator[Sample]:
        """Yield the questions that the options want.

        Raises:
            DataError: there is no such data, or it is not as Loong publishes it.
            SpecError: data is not named.
        """
        path = local_path(data, task=self.name)
        file = one_file(path, ["loong.jsonl", "loong_process.jsonl", "*.jsonl", "*.parquet"], task=self.spec,
                        remedy="give a clone of Loong, or its file")  # fmt: skip
        template = published_prompt(file)
        for row in read_rows(file):
            if self._wanted(row):
                yield self._sample(row, template)

    def _wanted(self, row: Row) -> bool:
        return (
            self.type in ("", row.text("type"))
            and self.language in ("", row.text("language"))
            and self.level in (0, row.number("level"))
            and self.set in (0, row.number("set"))
        )

    def _sample(self, row: Row, template: str | None) -> Sample:
        asked = row.text("prompt_template").replace("{question}", row.text("question"))
        asked = asked.replace("{instruction}", row.text("instruction"))
        head, _, tail = asked.partition("{docs}")
        texts = [row.text("docs")] if "docs" in row.values else self._documents(row)
        spans = []
        start = len(head)
        for text in texts:
            spans.append((start, start + len(text)))
            start += len(text)
        count = len(row.texts("doc"))
        places = [[span] for span in spans] if "docs" not in row.values else [[]] * count
        if "answer" not in row.values:
            raise row.fault("there is no 'answer'")
        answer: Any = row.values["answer"]
        return task_sample(
            row.text("id"),
            task=self.name,
            problem=head + "".join(texts) + tail,
            gold=answer,
            text_span=(len(head), start),
            evidence=[(f"[{place}]", found) for place, found in enumerate(places)],
            knobs={
                "type": row.text("type"), "language": row.text("language"), "level": row.number("level"),
                "set": row.number("set"), "gold": str(answer),
                "question": asked if row.text("type") == "paper" else head + tail,
                "prompt": template or PROMPT,
            },
            kind="external",
        )  # fmt: skip

    def _documents(self, row: Row) -> list[str]:
        """Return the documents as the published code writes them, shuffled where the row says so.

        It shuffles with one seed for the whole file; here the order depends on the question alone.
        """
        folder = row.file.parent / "doc" / row.text("type")
        texts = [self._document(row, folder, name, place) for place, name in enumerate(row.texts("doc"))]
        if row.values.get("shuffle_doc", True):
            Bits("text2json loong", row.text("id")).shuffle(texts)
        return texts

    def _document(self, row: Row, folder: Path, name: str, place: int) -> str:
        if row.text("type") == "legal":
            case = _cases(folder / "legal.json").get(name)
            if not isinstance(case, dict) or not {"content", "result"} <= case.keys():
                raise row.fault(f"there is no case {name!r} in {folder / 'legal.json'}")
            fields = ["instruction", "question"] if self.hide_verdicts else ["instruction"]
            hidden = row.number("level") == 4 and any(VERDICTS in row.text(field) for field in fields)
            return f"《判决文书{place + 1}》\n{case['content']}{'' if hidden else case['result']}\n\n"
        if row.text("type") == "paper":
            text = _text(row, folder / row.path(name))
            return f"{text.partition(chr(10))[0].strip('#').strip()}\n{text}\n\n"
        year = "" if row.number("level") == 4 else "2024-"
        files = sorted(folder.glob(f"*{year}{escape(name)}*.txt"))
        if not files:
            raise row.fault(f"there is no document {name!r} in {folder}")
        return f"《{files[0].stem.rpartition('-')[2]}》\n{_text(row, files[0])}\n\n"

    def score(self, sample: Sample, output: str | None) -> TaskScore:
        """Ask the judge; an answer whose rating cannot be read is left out, as the published rule has it.

        Raises:
            SpecError: there is no judge.
            ModelError: the judge does not answer.
        """
        if self.judge is None:
            raise SpecError("loong is scored by a judging model, and none is named",
                            remedy="give --judge URL and --judge-model NAME")  # fmt: skip
        knobs = json.loads(sample.knobs)
        prompt = filled(knobs["prompt"], knobs["question"], knobs["gold"], output or "")
        rating = read_rating(self.judge.ask(prompt))
        if rating is None:
            return TaskScore(sample.id, 0.0, 0.0, {"rated": 0.0})
        parts = {"rated": 1.0, "perfect": float(rating == 100)}
        return TaskScore(sample.id, min(rating, 100.0) / 100, parts=parts)

    def ideal(self, sample: Sample) -> str:
        """Return the gold; whether it is perfect is for the judge to say."""
        return str(json.loads(sample.knobs)["gold"])


@lru_cache(maxsize=4)
def _cases(file: Path) -> dict[str, Any]:
    found = read_json(file)
    if not isinstance(found, dict):
        raise DataError("no JSON object", file=file, remedy="give a whole clone of Loong")
    return found


def _text(row: Row, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise row.fault(f"there is no document {file}") from None


def published_prompt(file: Path) -> str | None:
    """Return the judge's prompt of the clone that `file`, its `data/loong.jsonl`, belongs to; None outside of one.

    It is the text that `get_evaluate_prompts` in `src/utils/prompt.py` assigns to `prompt`, with three `{}`.
    """
    source = file.resolve().parent.parent / "src" / "utils" / "prompt.py"
    try:
        tree = ast.parse(source.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in (node for node in functions if node.name == "get_evaluate_prompts"):
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                text = node.value.value
                named = any(isinstance(target, ast.Name) and target.id == "prompt" for target in node.targets)
                if named and isinstance(text, str) and text.count("{}") == 3:
                    return text
    return None


def filled(prompt: str, *parts: str) -> str:
    """Put three texts in the places of the three `{}`; no other brace means anything."""
    between = prompt.split("{}")
    return "".join(text for pair in zip(between, [*parts, ""], strict=True) for text in pair)
