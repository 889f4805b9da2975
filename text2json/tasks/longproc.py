"""LongProc's html_to_tsv: from a clone of its repository, or from the Hub."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from text2json.errors import DataError, SpecError, did_you_mean
from text2json.schemas.sample import Sample
from text2json.schemas.task_sample import task_sample
from text2json.tasks.published import Row, local_path, one_file, read_rows
from text2json.tasks.tables import LONGPROC, TableTask

LIMITS = {"0.5k": 1024, "2k": 3072, "8k": 9216}
"""Length of the answers → generation limit, as lm-evaluation-harness has them."""
FIELDS = ("task_id", "website_id", "task_topic", "task_description", "tsv_header", "filtering_instruction")


@dataclass(frozen=True)
class LongProc(TableTask):
    """Web pages whose entries are wanted as a table.

    A clone has `data/html_to_tsv/html_to_tsv_<length>.json`, pages under `webpage/` and the prompt in `prompts.yaml`;
    the Hub has one table a length with `input_prompt` and `reference_output`.

    Args:
        length: of the answers: 0.5k, 2k or 8k.
    """

    length: str = "0.5k"

    name: ClassVar[str] = "longproc"
    summary: ClassVar[str] = "LongProc's html_to_tsv: real web pages to tables"
    source: ClassVar[str] = f"{LONGPROC}, github.com/princeton-pli/LongProc; PrincetonPLI/LongProc on the Hub"
    licence: ClassVar[str] = "Apache-2.0; the web pages belong to their owners"
    made_here: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.length not in LIMITS:
            raise SpecError(f"longproc: no length {self.length!r}", remedy=did_you_mean(self.length, LIMITS))

    @property
    def max_new_tokens(self) -> int:
        """Room for the longest answers of that length."""
        return LIMITS[self.length]

    def load(self, data: str | None = None) -> Iterator[Sample]:
        """Yield the samples of one length.

        Raises:
            DataError: there is no such data, or it is not as LongProc publishes it.
        """
        stem = f"html_to_tsv_{self.length}"
        path = local_path(
            data, task=self.name, default="PrincetonPLI/LongProc", patterns=[f"*{stem}*", "*html_to_tsv/*"]
        )
        patterns = [f"{stem}.json", f"{stem}.jsonl", f"{stem}*.parquet", f"{stem}/*.parquet", f"{stem}/*.json*",
                    f"{stem}/**/*.parquet"]  # fmt: skip
        file = one_file(path, patterns, task=self.spec, remedy="give a clone of LongProc, or its Hub id")
        template: str | None = None
        for place, row in enumerate(read_rows(file)):
            if "html_path" in row.values:
                template = template or _prompt(file.parent / "prompts.yaml")
                yield self._sample(row.text("task_id"), _problem(row, template, page(row)), row.text("gt"))
            else:
                yield self._sample(f"{stem}_{place}", row.text("input_prompt"), row.text("reference_output"))

    def _sample(self, name: str, problem: str, gold: str) -> Sample:
        return task_sample(
            name,
            task=self.name,
            problem=problem,
            gold=gold,
            text_span=(0, len(problem)),
            evidence=located(problem, gold),
            knobs={"length": self.length},
            kind="external",
        )


def page(row: Row) -> str:
    """Return the web page of a row of a clone; paths are relative to the clone, or to the file's folder.

    Raises:
        DataError: there is no such page.
    """
    named = row.path(row.text("html_path"))
    for folder in (row.file.parent, *row.file.parents):
        if (folder / named).is_file():
            return (folder / named).read_text(encoding="utf-8", errors="replace")
    beside = row.file.parent / "webpage" / named.name
    if beside.is_file():
        return beside.read_text(encoding="utf-8", errors="replace")
    raise row.fault(f"there is no page {named}")


def _prompt(file: Path) -> str:
    import yaml

    try:
        found: Any = yaml.safe_load(file.read_text(encoding="utf-8", errors="replace"))
        return str(found["USER_PROMPT"])
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        raise DataError("no USER_PROMPT in YAML", file=file, remedy="give a whole clone of LongProc") from None


def _problem(row: Row, template: str, text: str) -> str:
    try:
        return template.format(html_str=text, **{field: row.text(field) for field in FIELDS})
    except (KeyError, IndexError, ValueError) as error:
        raise row.fault(f"the prompt of prompts.yaml cannot be filled: {error}") from None


def located(problem: str, gold: str) -> list[tuple[str, list[tuple[int, int]]]]:
    """Return a row for each cell of the gold with the place where it stands, as far as it can be found.

    A row of the table is looked for after the one before it, by its first cell; its other cells from there on.
    """
    header, *rows = (line.split("\t") for line in gold.strip().split("\n"))
    found = []
    anchor = 0
    for number, cells in enumerate(rows):
        for column, (key, cell) in enumerate(zip(header, cells, strict=False)):
            start, end = _first(problem, cell, anchor)
            if column == 0 and start >= 0:
                anchor = start
            found.append((f"[{number}].{key}", [(start, end)] if start >= 0 else []))
    return found


def _first(text: str, cell: str, low: int) -> tuple[int, int]:
    """Return where a cell stands first from `low` on, as it is or as markup has it; (-1, -1) where it does not."""
    spans = [
        (start, start + len(form))
        for form in {cell, html.escape(cell, quote=False), html.escape(cell)}
        if form and (start := text.find(form, low)) >= 0
    ]
    return min(spans, default=(-1, -1))
